//! An empty library. The package has only tests.
