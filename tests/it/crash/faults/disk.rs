//! The disk under a watched folder, and how a power cut can leave it.
//!
//! # What it takes for granted
//!
//! What `fsync` promises, and what a journaling file system adds to it:
//!
//! - What was written to a file before its last sync is there whole, and so is its size.
//! - Of the writes since, every sector of 512 bytes is there or not, each by itself: writes may be kept,
//!   lost, torn, and kept in another order. A sector that nobody wrote to keeps its content
//!   (`SQLITE_IOCAP_POWERSAFE_OVERWRITE`, which SQLite assumes on Unix:
//!   <https://www.sqlite.org/psow.html>), and so do the bytes of a sector beside the write.
//! - A file may have grown by a write whose bytes are lost; it is zeros there. A truncation since the last sync
//!   may have happened or not.
//! - Names are made and removed in order: after a cut, those changes are there that came
//!   before some point, which is not before the last sync of the folder. This is the promise of
//!   the journals of ext4, xfs and their like, and all that is used of it: on those, a file's own sync
//!   makes its name durable, too; here only a sync of the folder does, as POSIX has it.
//! - What is not the vault's content is not there: the index (`-shm`) is lost, or garbage.

use std::collections::BTreeMap;

use super::Random;
use super::trace::{Event, FileId, Trace};

const SECTOR_BYTES: usize = 512;

/// Files by name, as a power cut has left them.
pub(super) type Image = BTreeMap<String, Vec<u8>>;

/// The disk at one moment of a trace: what is on it for certain, and what may be.
pub(super) struct Disk<'t> {
    files: BTreeMap<FileId, File<'t>>,
    names: BTreeMap<&'t str, FileId>,
    /// What happened to names since the folder was synced, in order.
    pending: Vec<Renaming<'t>>,
}

#[derive(Default)]
struct File<'t> {
    durable: Vec<u8>,
    pending: Vec<Change<'t>>,
}

#[derive(Clone, Copy)]
enum Change<'t> {
    Write { offset: usize, bytes: &'t [u8] },
    Size(usize),
}

#[derive(Clone, Copy)]
enum Renaming<'t> {
    Created(&'t str, FileId),
    Deleted(&'t str),
}

/// What becomes of the writes to a file since its last sync.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Lost,
    Kept,
    /// Those up to a point, the last of them torn.
    Begun,
    /// Some of them, with this chance in a hundred.
    Some(usize),
    /// Some sectors of some of them.
    Torn(usize),
}

impl<'t> Disk<'t> {
    /// The disk before anything has happened.
    pub(super) fn new(trace: &'t Trace) -> Self {
        let mut disk = Self {
            files: BTreeMap::new(),
            names: BTreeMap::new(),
            pending: Vec::new(),
        };
        for (name, (file, content)) in &trace.initial {
            disk.names.insert(name, *file);
            disk.file(*file).durable.clone_from(content);
        }
        disk
    }

    fn file(&mut self, file: FileId) -> &mut File<'t> {
        self.files.entry(file).or_default()
    }

    /// Lets something happen.
    pub(super) fn apply(&mut self, event: &'t Event) {
        match event {
            Event::Created { file, name } => self.pending.push(Renaming::Created(name, *file)),
            Event::Deleted { name } => self.pending.push(Renaming::Deleted(name)),
            Event::Written {
                file,
                offset,
                bytes,
            } => self.file(*file).pending.push(Change::Write {
                offset: *offset,
                bytes,
            }),
            Event::Truncated { file, size } => self.file(*file).pending.push(Change::Size(*size)),
            Event::Synced { file } => {
                let file = self.file(*file);
                for change in std::mem::take(&mut file.pending) {
                    change.happen(&mut file.durable);
                }
            }
            Event::FolderSynced => {
                for renaming in std::mem::take(&mut self.pending) {
                    renaming.happen(&mut self.names);
                }
            }
            Event::Marked(_) => {}
        }
    }

    /// What is there after a power cut now, if chance will have it so.
    pub(super) fn cut(&self, random: &mut Random) -> Image {
        // Now and then it is no power cut but a kill, which loses nothing that was written.
        let is_kill = random.chance(5);
        let kept = match random.below(4) {
            _ if is_kill => self.pending.len(),
            0 => 0,
            1 => self.pending.len(),
            _ => random.below(self.pending.len() + 1),
        };
        let mut names = self.names.clone();
        for renaming in self.pending.iter().take(kept) {
            renaming.happen(&mut names);
        }
        names
            .into_iter()
            .map(|(name, file)| {
                let fate = if is_kill {
                    Fate::Kept
                } else {
                    Fate::choose(random)
                };
                let content = self.files.get(&file).map(|file| file.cut(fate, random));
                (name.to_owned(), content.unwrap_or_default())
            })
            .collect()
    }
}

impl Fate {
    fn choose(random: &mut Random) -> Self {
        let share = [3, 25, 50, 75, 97][random.below(5)];
        match random.below(8) {
            0 => Self::Lost,
            1 => Self::Kept,
            2 | 3 => Self::Begun,
            4 | 5 => Self::Some(share),
            _ => Self::Torn(share),
        }
    }
}

impl File<'_> {
    fn cut(&self, fate: Fate, random: &mut Random) -> Vec<u8> {
        let mut content = self.durable.clone();
        let (count, share) = match fate {
            Fate::Lost => (0, 0),
            Fate::Kept => (self.pending.len(), 100),
            Fate::Begun => (random.below(self.pending.len() + 1), 100),
            Fate::Some(share) | Fate::Torn(share) => (self.pending.len(), share),
        };
        for (index, change) in self.pending.iter().take(count).enumerate() {
            let is_last = index + 1 == count;
            match (fate, *change) {
                (Fate::Torn(_), Change::Write { offset, bytes }) => {
                    tear(&mut content, offset, bytes, share, random);
                }
                (Fate::Begun, Change::Write { offset, bytes }) if is_last => {
                    tear(&mut content, offset, bytes, 50, random);
                }
                (_, kept) if random.chance(share) => kept.happen(&mut content),
                (_, Change::Write { offset, bytes }) => {
                    grow(&mut content, offset + bytes.len(), random);
                }
                (_, Change::Size(_)) => {}
            }
        }
        content
    }
}

impl Change<'_> {
    fn happen(self, content: &mut Vec<u8>) {
        match self {
            Change::Write { offset, bytes } => {
                let end = offset + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[offset..end].copy_from_slice(bytes);
            }
            Change::Size(size) => content.resize(size, 0),
        }
    }
}

impl<'t> Renaming<'t> {
    fn happen(self, names: &mut BTreeMap<&'t str, FileId>) {
        match self {
            Renaming::Created(name, file) => names.insert(name, file),
            Renaming::Deleted(name) => names.remove(name),
        };
    }
}

/// Keeps some of the sectors of a write.
fn tear(content: &mut Vec<u8>, offset: usize, bytes: &[u8], chance: usize, random: &mut Random) {
    let mut done = 0;
    while done < bytes.len() {
        let start = offset + done;
        let length = (SECTOR_BYTES - start % SECTOR_BYTES).min(bytes.len() - done);
        let bytes = &bytes[done..done + length];
        if random.chance(chance) {
            let piece = Change::Write {
                offset: start,
                bytes,
            };
            piece.happen(content);
        } else {
            grow(content, start + length, random);
        }
        done += length;
    }
}

/// Perhaps a file has grown by a write that was lost otherwise.
fn grow(content: &mut Vec<u8>, end: usize, random: &mut Random) {
    if content.len() < end && random.chance(25) {
        content.resize(end, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(events: Vec<Event>) -> Trace {
        Trace {
            initial: BTreeMap::from([("a".to_owned(), (0, vec![1; 2000]))]),
            events,
        }
    }

    fn write(byte: u8, offset: usize, length: usize) -> Event {
        Event::Written {
            file: 0,
            offset,
            bytes: vec![byte; length].into(),
        }
    }

    /// What a thousand power cuts at the end of the trace leave.
    fn images(trace: &Trace) -> Vec<Image> {
        let mut disk = Disk::new(trace);
        for event in &trace.events {
            disk.apply(event);
        }
        let mut random = Random::new(7);
        (0..1000).map(|_| disk.cut(&mut random)).collect()
    }

    #[test]
    fn what_was_synced_is_there_whole() {
        let trace = trace(vec![
            write(2, 100, 1000),
            Event::Truncated {
                file: 0,
                size: 1100,
            },
            Event::Synced { file: 0 },
        ]);
        for image in images(&trace) {
            assert_eq!(image["a"], [vec![1; 100], vec![2; 1000]].concat());
        }
    }

    #[test]
    fn what_was_not_synced_is_kept_lost_reordered_and_torn() {
        let trace = trace(vec![
            write(2, 0, 1024),
            write(3, 0, 1024),
            write(4, 3000, 8),
        ]);
        let images = images(&trace);
        let some = |wanted: &dyn Fn(&[u8]) -> bool| images.iter().any(|image| wanted(&image["a"]));
        assert!(some(&|a| a == [1; 2000]), "all are lost");
        assert!(some(&|a| a[0] == 3 && a[3007] == 4), "all are kept");
        assert!(some(&|a| a[0] == 2), "the first is kept without the second");
        assert!(
            some(&|a| a[0] == 1 && a.len() == 3008 && a[3007] == 4),
            "the last only"
        );
        assert!(some(&|a| a[511] != a[512]), "torn");
        assert!(
            some(&|a| a.len() == 3008 && a[3007] == 0),
            "grown without content"
        );
        for image in &images {
            let a = &image["a"];
            assert_eq!(a[1024..2000], [1; 976], "nobody wrote there");
            assert!(
                a[..512].iter().all(|byte| *byte == a[0]),
                "a sector was torn"
            );
        }
    }

    #[test]
    fn names_are_made_and_removed_in_order() {
        let created = |file, name: &str| Event::Created {
            file,
            name: name.to_owned(),
        };
        let mut events = vec![created(1, "b"), created(2, "c")];
        events.push(Event::Deleted {
            name: "a".to_owned(),
        });
        let seen = |events| {
            let mut seen: Vec<String> = images(&trace(events))
                .iter()
                .map(|image| image.keys().map(String::as_str).collect())
                .collect();
            seen.sort();
            seen.dedup();
            seen
        };
        assert_eq!(seen(events), ["a", "ab", "abc", "bc"]);
        let synced = vec![created(1, "b"), Event::FolderSynced, created(2, "c")];
        assert_eq!(seen(synced), ["ab", "abc"]);
    }
}
