//! What is done per element; dtype and instruction-set dispatch; all hot unsafe code.
