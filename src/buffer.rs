//! Memory for encoded keys and values, which the next call of the thread uses again.

use std::cell::RefCell;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// What a new buffer has room for: most keys, and small values, are written without growing it.
const FIRST_BYTES: usize = 128;

/// A larger one is freed: one large value is no reason to keep its memory.
const LARGEST_SPARE_BYTES: usize = 4096;

/// A call has a key, a value, and the value encoded once more to verify it.
const MOST_SPARE: usize = 4;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A `Vec<u8>` that comes from the thread's spare ones, and goes back to them.
#[derive(PartialEq, Eq)]
pub(crate) struct Buffer(Vec<u8>);

impl Buffer {
    /// An empty buffer.
    #[inline]
    pub(crate) fn new() -> Self {
        // A thread that is ending has none.
        let spare = SPARE.try_with(|spare| spare.borrow_mut().pop());
        Self(spare.ok().flatten().unwrap_or_else(first))
    }
}

#[cold]
fn first() -> Vec<u8> {
    Vec::with_capacity(FIRST_BYTES)
}

impl Drop for Buffer {
    #[inline]
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.0);
        if !(1..=LARGEST_SPARE_BYTES).contains(&bytes.capacity()) {
            return;
        }
        bytes.clear();
        SPARE
            .try_with(|spare| {
                let mut spare = spare.borrow_mut();
                if spare.len() < MOST_SPARE {
                    spare.push(bytes);
                }
            })
            .ok();
    }
}

impl Default for Buffer {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for Buffer {
    type Target = Vec<u8>;

    #[inline]
    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Buffer {
    #[inline]
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl From<&[u8]> for Buffer {
    fn from(bytes: &[u8]) -> Self {
        let mut buffer = Self::new();
        buffer.extend_from_slice(bytes);
        buffer
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Runs `f` on a thread that has no spare buffers yet.
    fn on_a_new_thread(f: impl FnOnce() + Send + 'static) {
        thread::spawn(f).join().unwrap();
    }

    fn spare() -> usize {
        SPARE.with_borrow(Vec::len)
    }

    #[test]
    fn memory_is_used_again_and_empty() {
        on_a_new_thread(|| {
            let mut buffer = Buffer::from(b"secret".as_slice());
            buffer.reserve(1000);
            let (at, capacity) = (buffer.as_ptr(), buffer.capacity());
            drop(buffer);
            let again = Buffer::new();
            assert!(again.is_empty());
            assert_eq!((again.as_ptr(), again.capacity()), (at, capacity));
        });
    }

    #[test]
    fn what_is_kept_is_bounded() {
        on_a_new_thread(|| {
            let mut large = Buffer::new();
            large.reserve(LARGEST_SPARE_BYTES + 1);
            drop(large);
            assert_eq!(spare(), 0);
            let many: Vec<Buffer> = (0..100).map(|_| Buffer::new()).collect();
            drop(many);
            assert_eq!(spare(), MOST_SPARE);
        });
    }

    #[test]
    fn one_can_be_dropped_on_another_thread() {
        let buffer = Buffer::from(b"bytes".as_slice());
        on_a_new_thread(move || {
            assert_eq!(*buffer, b"bytes");
            drop(buffer);
            assert_eq!(spare(), 1);
        });
    }
}
