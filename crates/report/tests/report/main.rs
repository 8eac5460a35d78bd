//! `medner report` as a program, on small results folders made here.

#![allow(clippy::unwrap_used)]

mod browser;
mod damage;
mod golden;
mod namesakes;
mod readme;
mod results;
mod speed;

#[path = "../support/mod.rs"]
mod support;
