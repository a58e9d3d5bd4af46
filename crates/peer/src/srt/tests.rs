mod encryption;
mod ending;
mod handshake;
mod hostile;
mod kit;
mod line;
