//! Cursors over rows in memory, from both ends.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::engine::{Engine as _, RowOrder, Write as _};
use crate::memory::{Store, Writer};

const MAP: MapId = MapId::only(RowOrder::Insertion);

fn writer(rows: u64) -> Writer {
    let store = Arc::new(Store::of_one_map(RowOrder::Insertion, Duration::ZERO));
    let mut writer = store.begin_write().unwrap();
    for row in 0..rows {
        writer.put(MAP, &row.to_be_bytes(), b"value").unwrap();
    }
    writer
}

/// Takes rows in the given turns, repeated, until both ends are exhausted.
fn take_in_turns(rows: u64, turns: &[Direction]) -> (Vec<u64>, Vec<u64>) {
    let mut reader = writer(rows);
    let mut cursor = Cursor::new(Columns::Both);
    let (mut front, mut back) = (Vec::new(), Vec::new());
    for &turn in turns.iter().cycle() {
        cursor.prefetch(&mut reader, MAP, turn).unwrap();
        let Some(row) = cursor.next(turn) else {
            break;
        };
        let (key, value) = row.bytes().unwrap();
        assert_eq!(value, b"value");
        let key = u64::from_be_bytes(key.try_into().unwrap());
        match turn {
            Direction::Forward => front.push(key),
            Direction::Backward => back.push(key),
        }
    }
    for direction in [Direction::Forward, Direction::Backward] {
        cursor.prefetch(&mut reader, MAP, direction).unwrap();
        assert!(cursor.next(direction).is_none());
    }
    (front, back)
}

#[test]
fn both_ends_meet_without_a_gap_or_a_repeat() {
    use Direction::{Backward as B, Forward as F};
    for rows in [0, 1, 2, 7, 8, 9, 50, 2000] {
        for turns in [&[F][..], &[B], &[F, B], &[F, F, F, B], &[F, B, B, B, B, B]] {
            let (mut seen, back) = take_in_turns(rows, turns);
            seen.extend(back.into_iter().rev());
            assert_eq!(
                seen,
                (0..rows).collect::<Vec<_>>(),
                "{rows} rows, {turns:?}"
            );
        }
    }
}

#[test]
fn a_batch_is_bounded_in_bytes() {
    let mut reader = writer(0);
    for row in 0..64_u8 {
        let value = vec![row; MAX_BATCH_BYTES / 4];
        reader.put(MAP, &[row], &value).unwrap();
    }
    let mut cursor = Cursor::new(Columns::Both);
    let mut seen = 0;
    loop {
        cursor
            .prefetch(&mut reader, MAP, Direction::Forward)
            .unwrap();
        let Some(row) = cursor.next(Direction::Forward) else {
            break;
        };
        assert_eq!(row.bytes().unwrap().1.first(), Some(&seen));
        seen += 1;
        assert!(cursor.front.bytes.len() <= 2 * MAX_BATCH_BYTES);
    }
    assert_eq!(seen, 64);
}
