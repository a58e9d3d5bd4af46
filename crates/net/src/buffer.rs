//! One read buffer per shard.
//!
//! A connection owns no read buffer: the shard reads into one large block and hands out slices of it. When all slices of
//! a block are gone, which is the rule before the next read, the block is used again.

use std::cell::RefCell;
use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Size of the block: a merged write of 350 ms at 6 Mbit/s is read at once.
const BLOCK: usize = 256 << 10;

/// A read begins a new block when less than this is left of it.
const LEAST: usize = 64 << 10;

thread_local! {
    static BLOCKS: RefCell<BytesMut> = RefCell::new(BytesMut::new());
}

/// Reads what is there, at least one byte; empty at the end of the stream.
///
/// The answer shares the shard's block: copy it if it is to be kept.
pub async fn read(half: &mut (impl AsyncRead + Unpin)) -> io::Result<Bytes> {
    poll_fn(|cx| {
        BLOCKS.with_borrow_mut(|block| {
            if block.capacity() < LEAST {
                block.reserve(BLOCK);
            }
            // Reading is stateless: a future that is dropped while pending has taken nothing.
            match pin!(half.read_buf(block)).poll(cx) {
                Poll::Ready(Ok(_)) => Poll::Ready(Ok(block.split().freeze())),
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                Poll::Pending => Poll::Pending,
            }
        })
    })
    .await
}

/// A copy, for bytes that are to be kept: they may be a small part of a large block.
pub fn detach(bytes: &Bytes) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

#[cfg(test)]
mod tests;
