//! The versioned result file, its journal, and validation of what others wrote.
