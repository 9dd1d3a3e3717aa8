//! The neighbours; they live in `tests/`.
