//! What a map needs of a place for bytes: traits, plain types and a cursor. It names no engine.

mod cursor;
mod deadline;
mod deferred;
mod fair_mutex;
mod fork;
mod lock;
mod row;
mod traits;
mod types;

pub(crate) use cursor::Cursor;
pub(crate) use deadline::Deadline;
pub(crate) use deferred::DeferredErrors;
pub(crate) use fair_mutex::{Claimed, FairMutex, Outcome, Refusal, Request};
pub(crate) use fork::ProcessId;
pub(crate) use lock::lock;
pub(crate) use row::{Obstacles, RawEntry, RawRow};
pub(crate) use traits::{Engine, Read, Write};
pub(crate) use types::{
    Columns, Direction, End, EngineStats, KeyRange, MAX_MAPS, MapId, MapInfo, Position,
    PositionRange, RowOrder, Scan, Span, WriteOp, is_valid_name,
};
