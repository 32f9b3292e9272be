//! The limits of how deep a value may nest.
//!
//! Encoding and decoding count by the same rules, so a value that was written can be read.

/// The greatest number of arrays and maps around each other, as MessagePack writes them.
///
/// A sequence, a tuple, a struct and a map are one level each. An enum variant with data is one level, and the tuple or
/// struct that it may hold is another.
pub(super) const MAX_LEVELS: u16 = 128;

/// The greatest number of `Some`s and newtype structs around each other and around levels.
///
/// They have a limit of their own so that a linked list of `Option<Box<Node>>` does not use two levels for each node. They
/// need a limit because a decoder can answer "there is a `Some`" without end at a single byte of MessagePack.
pub(super) const MAX_LAYERS: u16 = 256;

/// The levels and layers that are left below one place in a value, and one bit that the owner of the place may use.
///
/// It is one word because it is passed down to every field of every value. Together with a pointer it stays in registers.
/// Three fields would be written to the stack one by one and read back as a whole, which is slow.
#[derive(Clone, Copy)]
pub(super) struct Depth(u32);

const MARK: u32 = 1;
const LAYER: u32 = 1 << 1;
const LEVEL: u32 = 1 << 16;

impl Depth {
    /// The depth below a whole value, without the mark.
    pub(super) const WHOLE: Self = Self(MAX_LEVELS as u32 * LEVEL + MAX_LAYERS as u32 * LAYER);

    /// Returns the depth inside an array or a map, or `None` at the limit.
    #[inline]
    pub(super) const fn level(self) -> Option<Self> {
        if self.0 < LEVEL {
            return None;
        }
        Some(Self(self.0 - LEVEL))
    }

    /// Returns the depth inside a `Some` or a newtype struct, or `None` at the limit.
    #[inline]
    pub(super) const fn layer(self) -> Option<Self> {
        if self.0 % LEVEL < LAYER {
            return None;
        }
        Some(Self(self.0 - LAYER))
    }

    #[inline]
    pub(super) const fn is_marked(self) -> bool {
        self.0 & MARK != 0
    }

    #[inline]
    pub(super) const fn marked(self, mark: bool) -> Self {
        Self(self.0 & !MARK | mark as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts how often `down` can be applied.
    fn steps(mut depth: Depth, down: fn(Depth) -> Option<Depth>) -> u16 {
        let mut steps = 0;
        while let Some(next) = down(depth) {
            assert_eq!(next.is_marked(), depth.is_marked());
            (depth, steps) = (next, steps + 1);
        }
        steps
    }

    #[test]
    fn levels_and_layers_are_counted_separately() {
        for mark in [false, true] {
            let whole = Depth::WHOLE.marked(mark);
            assert_eq!(steps(whole, Depth::level), MAX_LEVELS);
            assert_eq!(steps(whole, Depth::layer), MAX_LAYERS);
            let below = whole.level().and_then(Depth::layer).unwrap();
            assert_eq!(steps(below, Depth::level), MAX_LEVELS - 1);
            assert_eq!(steps(below, Depth::layer), MAX_LAYERS - 1);
        }
        assert!(!Depth::WHOLE.is_marked());
    }
}
