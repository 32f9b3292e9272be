//! How deep a value may nest. Both directions count by these rules, so what is written within them is read within them.

/// Arrays and maps around each other, as MessagePack writes them: sequences, tuples, structs and maps are one each; an
/// enum variant with data is one, and the tuple or struct it may carry is another.
pub(super) const MAX_LEVELS: u16 = 128;

/// `Some`s and newtype structs around each other and around levels. They have a limit of their own, so that a linked
/// list of `Option<Box<Node>>` is not charged twice, and they need one: a single byte of MessagePack is a valid answer
/// to "is there a `Some`?" for ever.
pub(super) const MAX_LAYERS: u16 = 256;

/// What is left of both limits at one place in a value.
#[derive(Clone, Copy)]
pub(super) struct Depth {
    levels: u16,
    layers: u16,
}

impl Depth {
    /// The depth left to a whole value.
    pub(super) const WHOLE: Self = Self {
        levels: MAX_LEVELS,
        layers: MAX_LAYERS,
    };

    /// One array or map further down, if there is room.
    #[inline]
    pub(super) fn level(self) -> Option<Self> {
        let levels = self.levels.checked_sub(1)?;
        Some(Self { levels, ..self })
    }

    /// One `Some` or newtype struct further down, if there is room.
    #[inline]
    pub(super) fn layer(self) -> Option<Self> {
        let layers = self.layers.checked_sub(1)?;
        Some(Self { layers, ..self })
    }
}
