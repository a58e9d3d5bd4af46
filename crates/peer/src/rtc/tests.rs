//! Sessions between a client and an answering end, over a network of memory and in made-up time.

mod answers;
mod layers;
mod net;
mod offers;
mod sessions;
mod ways;
