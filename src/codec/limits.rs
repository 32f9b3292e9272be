//! How deep a value may nest. Both directions count by these rules, so what is written within them is read within them.

/// Arrays and maps around each other, as MessagePack writes them: sequences, tuples, structs and maps are one each; an
/// enum variant with data is one, and the tuple or struct it may carry is another.
pub(super) const MAX_LEVELS: u16 = 128;

/// `Some`s and newtype structs around each other and around levels. They have a limit of their own, so that a linked
/// list of `Option<Box<Node>>` is not charged twice, and they need one: a single byte of MessagePack is a valid answer
/// to "is there a `Some`?" for ever.
pub(super) const MAX_LAYERS: u16 = 256;

/// What is left of both limits at one place in a value, and a mark of the place, which who keeps it gives a meaning.
///
/// It is one word, because it goes down into every field of every value: beside a pointer it stays in registers, where
/// three fields would be written to the stack in parts and read again as a whole, which processors are slow at.
#[derive(Clone, Copy)]
pub(super) struct Depth(u32);

const MARK: u32 = 1;
const LAYER: u32 = 1 << 1;
const LEVEL: u32 = 1 << 16;

impl Depth {
    /// The depth left to a whole value, without a mark.
    pub(super) const WHOLE: Self = Self(MAX_LEVELS as u32 * LEVEL + MAX_LAYERS as u32 * LAYER);

    /// One array or map further down, if there is room.
    #[inline]
    pub(super) const fn level(self) -> Option<Self> {
        if self.0 < LEVEL {
            return None;
        }
        Some(Self(self.0 - LEVEL))
    }

    /// One `Some` or newtype struct further down, if there is room.
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

    /// How often `down` leads further.
    fn steps(mut depth: Depth, down: fn(Depth) -> Option<Depth>) -> u16 {
        let mut steps = 0;
        while let Some(next) = down(depth) {
            assert_eq!(next.is_marked(), depth.is_marked());
            (depth, steps) = (next, steps + 1);
        }
        steps
    }

    #[test]
    fn each_limit_is_counted_by_itself() {
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
