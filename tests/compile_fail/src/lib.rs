//! The heavier proofs; they live in `tests/`.
