//! What to run and what came out.
