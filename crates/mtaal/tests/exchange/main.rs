//! Sentences out to labelling tools and back: every annotation survives, every wrong answer is refused with its place.

#![allow(clippy::unwrap_used)]

mod desk;
mod real_text;
mod round_trips;
mod wrong_answers;
