//! What a map needs of a place for bytes. It names no engine.

mod deadline;
mod deferred;
mod fair_mutex;
mod types;

pub(crate) use deadline::Deadline;
pub(crate) use deferred::DeferredErrors;
pub(crate) use fair_mutex::{Claimed, FairMutex, Outcome, Refusal, Request};
pub(crate) use types::{Columns, Direction, End};
