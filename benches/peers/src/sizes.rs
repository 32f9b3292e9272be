//! How much work there is.

/// Numbers of entries and of operations.
#[derive(Clone, Debug)]
pub struct Sizes {
    /// Entries of the map that most workloads use.
    pub entries: u64,
    /// Keys that are hot.
    pub hot: u64,
    /// Gets a round.
    pub gets: u64,
    /// Durable writes a round.
    pub durable: u64,
    /// Durable writes before the first round.
    pub settling: u64,
    /// Writes a round that sync nothing.
    pub writes: u64,
    /// Entries of a bulk write.
    pub bulk: u64,
    /// Durable puts of each of the threads.
    pub thread_puts: u64,
    /// Nanoseconds that a workload with a fixed time takes.
    pub slice_nanos: u64,
    /// Bytes of values of each of the other types.
    pub typed_bytes: u64,
    /// The numbers of entries of the section Growth.
    pub growth: Vec<u64>,
}

impl Sizes {
    /// Those of the page.
    pub fn full() -> Self {
        Self {
            entries: 500_000,
            hot: 1_000,
            gets: 50_000,
            durable: 1_000,
            settling: 1_200,
            writes: 2_000,
            bulk: 100_000,
            thread_puts: 125,
            slice_nanos: 150_000_000,
            typed_bytes: 32 << 20,
            growth: vec![1_000, 10_000, 100_000, 1_000_000, 5_000_000],
        }
    }

    /// Those of a test of the program.
    pub fn smoke() -> Self {
        Self {
            entries: 2_000,
            hot: 100,
            gets: 1_000,
            durable: 5,
            settling: 5,
            writes: 100,
            bulk: 1_000,
            thread_puts: 2,
            slice_nanos: 5_000_000,
            typed_bytes: 128 << 10,
            growth: vec![100, 1_000, 10_000],
        }
    }

    /// Grows to `largest` instead.
    pub fn grow_to(&mut self, largest: u64) {
        self.growth.retain(|size| *size < largest);
        self.growth.push(largest);
    }

    /// With as many entries of a bulk write as have values of `typed_bytes` in all.
    pub fn of_type(&self, value_bytes: u64) -> Self {
        Self {
            bulk: (self.typed_bytes / (value_bytes + 32)).clamp(100, self.bulk),
            ..self.clone()
        }
    }

    /// The largest map of the section Growth.
    pub fn largest(&self) -> u64 {
        self.growth.last().copied().unwrap_or(self.entries)
    }
}
