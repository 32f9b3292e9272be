//! Spans and events of the `tracing` feature. They contain paths and times, but never keys or values.

#[cfg(feature = "tracing")]
mod on {
    use std::path::Path;
    use std::time::Duration;

    /// The shortest wait for the write lock that is reported.
    const SLOW_WAIT: Duration = Duration::from_millis(100);

    pub(in crate::sqlite) fn opening(path: &Path) -> tracing::span::EnteredSpan {
        tracing::debug_span!("open", path = %path.display()).entered()
    }

    pub(in crate::sqlite) fn waited(path: &Path, waited: Duration) {
        if waited >= SLOW_WAIT {
            let waited_ms = waited.as_millis();
            tracing::warn!(path = %path.display(), waited_ms, "waited for the write lock");
        }
    }

    pub(in crate::sqlite) fn transaction(path: &Path) -> tracing::Span {
        tracing::debug_span!("transaction", path = %path.display())
    }

    pub(in crate::sqlite) fn ended(span: &tracing::Span, outcome: &'static str) {
        span.in_scope(|| tracing::debug!(outcome, "transaction ended"));
    }

    pub(in crate::sqlite) fn shared(span: &tracing::Span, calls: usize) {
        span.in_scope(|| tracing::debug!(calls, "transaction shared"));
    }

    pub(in crate::sqlite) type Span = tracing::Span;
}

#[cfg(not(feature = "tracing"))]
mod off {
    use std::path::Path;
    use std::time::Duration;

    /// A span without the `tracing` feature.
    #[derive(Debug)]
    pub(in crate::sqlite) struct Span;

    pub(in crate::sqlite) const fn opening(_: &Path) -> Span {
        Span
    }

    pub(in crate::sqlite) const fn waited(_: &Path, _: Duration) {}

    pub(in crate::sqlite) const fn transaction(_: &Path) -> Span {
        Span
    }

    pub(in crate::sqlite) const fn ended(_: &Span, _: &'static str) {}

    pub(in crate::sqlite) const fn shared(_: &Span, _: usize) {}
}

#[cfg(not(feature = "tracing"))]
pub(in crate::sqlite) use off::{Span, ended, opening, shared, transaction, waited};
#[cfg(feature = "tracing")]
pub(in crate::sqlite) use on::{Span, ended, opening, shared, transaction, waited};
