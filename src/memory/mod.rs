//! Page-aligned, prefaulted buffers; page policy; what the pages really are.
