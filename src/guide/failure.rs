//! A guide: durability and failure. What is promised, what was tested and how, what is not promised,
//! and what to do on a bad day.
//!
//! # What each setting promises
//!
//! | [`Durability`](crate::Durability) | a killed process | a power cut | the disk is full, or fails |
//! |---|---|---|---|
//! | `Full` | nothing acknowledged is lost | nothing acknowledged is lost | an error, and the state before the call |
//! | `Normal` | nothing acknowledged is lost | the newest calls may be lost, in order: what is there is the state after some call; nothing older than the last [`flush`](crate::Vault::flush) is lost | the same |
//! | `Off` | nothing acknowledged is lost | the file may be damaged | the same |
//!
//! A call, an [entry](crate::Vault::entry) and a [transaction](crate::Vault::transaction) are there
//! whole or not at all, in every case but `Off` after a power cut. A call is
//! acknowledged when it has returned `Ok`; an entry or guard when its `commit` has, or when it was
//! dropped and the vault's next write, `flush` or `close` did not return its error.
//!
//! A call that failed is not there, with one exception. When a commit fails because the disk cannot be
//! synced, its record may have reached the log: the open handle goes on without it, but if nothing
//! is written after it before the file is opened anew, it can then be there, whole.
//!
//! # What was tested, and how
//!
//! Nothing here was tested by trusting it. The tests put a file system layer of their own below SQLite and
//! look at what is left, through the public API alone.
//!
//! **Power cuts.** The layer records what a workload writes and syncs, and builds the disks that a power
//! cut could leave: synced data is whole; what was written since the last sync is kept, lost, reordered or
//! torn at 512 bytes. Each is opened, checked and compared with what was acknowledged. Figures of
//! `VAULTS_TEST_ROUNDS=5 cargo test --test it faults::power_loss::figures -- --ignored --nocapture`:
//!
//! | durability | states | with acknowledged calls lost | damaged |
//! |---|---|---|---|
//! | `Full` | 7,200 | 0 | 0 |
//! | `Normal` | 7,200 | 4,635, none from before a `flush`, each the state after some call | 0 |
//! | `Off` | 7,200 | 4,255 | 1,854 |
//!
//! `Off` has to fail here: if it did not, the check would not bite.
//!
//! **Failing disks.** The layer fails the nth operation of a kind (open, read, write, truncate, sync, the
//! shared memory, the locks), once, lastingly, and until the vault was dropped, for every n that a
//! workload reaches. Figures of
//! `VAULTS_TEST_ROUNDS=100000 cargo test --test it faults::injection::figures -- --ignored --nocapture`:
//! 34,467 faults in 10 workloads, of which 27,449 were met by a call. Each of those was a typed error, the
//! state was that of the acknowledged calls, and the vault went on when the fault was over. In 114 cases
//! a call that had failed was there, whole, after the file was opened anew, as described above.
//!
//! **Killed processes.** Writers, holders of entries and others are killed at random moments; what
//! they had acknowledged is there, and a transaction is whole or not at all. **Hostile files.** Every byte
//! of a small vault is damaged, and thousands of bytes of larger ones and of their logs: an error, or
//! the right data, or, without checksums, where SQLite cannot know, another value that decodes.
//!
//! # What is not promised
//!
//! - **Network file systems.** Their locks and their shared memory are not to be trusted.
//! - **`fork` without `exec`.** A handle of the parent is [`Error::Forked`](crate::Error::Forked) in
//!   the child. See [`sharing`](crate::guide::sharing).
//! - **Files that are taken away.** See [below](#files-that-are-taken-away).
//! - **Disks that lie.** A disk that acknowledges a sync before it has written can lose and damage
//!   anything; only [checksums](crate::OpenOptions::checksums) notice it.
//! - **SQLite's own defects.** Versions that are known to lose data in write-ahead mode are refused when
//!   a vault is opened.
//! - **Copying the file with other tools** while it is open: use [`backup`](crate::Vault::backup).
//!
//! # Files that are taken away
//!
//! A vault is up to three files: `v.db`, the log `v.db-wal` that holds the newest entries, and the
//! index of the log, `v.db-shm`. While a vault is open, other programs must not delete, rename or
//! replace any of them. If they do, a write is [`Error::Moved`](crate::Error::Moved), which names the
//! file. The vault looks before a write, and again between its commit and its `Ok`. So:
//!
//! - What is acknowledged after the event is in the files of those names.
//! - A call that returned `Moved` may be there or not.
//! - What was acknowledged before is kept, wherever the main file is. What is only in a log
//!   that was deleted, renamed or replaced is written to the main file before the error is returned,
//!   at every further write and when the vault is closed. If an iterator or a snapshot of an older
//!   state lives, what is newer has to wait for its end.
//! - The handle and its clones then refuse each write, and a [`flush`](crate::Vault::flush). Writes
//!   work again if every file has its name back. Otherwise drop the handles and open the vault anew:
//!   other processes may still use the old log, which only opening anew can find out.
//! - Reads go on in the files that are open. One that fails because of it is `Moved`.
//! - [`delete`](crate::Vault::delete) is `Moved` and deletes nothing: what has the name may be
//!   another vault.
//!
//! What can no longer be saved:
//!
//! - A main file that was deleted or replaced, with what was in it.
//! - What is in a deleted log alone, if the process is killed before its next write, or if all
//!   three files are deleted.
//! - What is in the log alone, if another file takes the place of the main file, or if the log and the
//!   index were both replaced and opened by another process.
//! - Writes at the very moment, between the look before a write and its commit, in which another
//!   process opens a file whose index was deleted: two processes may then write to one place in the log.
//! - What another program, which does not look, writes to a log that was deleted.
//!
//! **Do not open and close the file in the process that has the vault open**: with `std::fs::read`,
//! `std::fs::copy`, or another copy of SQLite. On Unix it gives up all locks that this process
//! has on the file. The next program that closes the vault then takes itself for the last one, and deletes
//! the log. The vault notices (`Moved`), but writers are no longer kept apart. Copy a
//! vault with [`backup`](crate::Vault::backup).
//!
//! # Restoring a backup
//!
//! [`restore`](crate::Vault::restore) puts a backup in the place of a vault, with all that has to be
//! done to its log. By hand:
//!
//! 1. Stop every program that uses the vault.
//! 2. Delete `v.db-wal`, `v.db-shm` and `v.db-journal`, or move them away. A log that stays would be
//!    written into the backup: newer entries come back, or the file is damaged.
//! 3. Copy the backup to `v.db`. If a `-wal` file lies beside the backup, copy that too, to `v.db-wal`.
//!
//! # On a bad day
//!
//! 1. Stop the programs that use the vault, and copy the file and the `-wal` file beside it. Work on the
//!    copy.
//! 2. [`verify`](crate::Vault::verify) lists what is wrong: damage to the structure, and entries that do
//!    not decode or fail their checksum, by key.
//! 3. A value that does not decode is replaced with [`put`](crate::Vault::put) and removed with
//!    [`discard`](crate::Vault::discard).
//!    [`discard_undecodable`](crate::Vault::discard_undecodable) removes all entries whose key or value
//!    does not decode. A handle whose values are `rmpv::Value` reads what MessagePack wrote of any type.
//! 4. A backup is better than a repair: [`restore`](crate::Vault::restore) it. If there is none, [`salvage`](crate::Vault::salvage) reads every
//!    entry that can still be found into a new vault, and says what was lost.
//! 5. A log (`-wal`) of hundreds of megabytes is that of a reader that has not ended: an iterator or a
//!    snapshot that is kept, in any process. The first write after its end cuts the log back to its
//!    [size limit](crate::OpenOptions::log_size_limit).
//! 6. When the disk is full, removing entries needs space too: for the log. Make room first. Then
//!    [`compact`](crate::Vault::compact) gives back what the vault does not need.
//!
//! When a vault can be read and not written, or not even read, and its files belong to several users:
//! [`Error::ReadOnly`](crate::Error::ReadOnly) names the file that cannot be written to. A log (`-wal`) or index
//! (`-shm`) of another user is given to the owner of the vault, with the same permissions, while nobody has
//! the vault open. Never remove a log that is not empty: it has the newest entries.
//! [`Error::NeedsRecovery`](crate::Error::NeedsRecovery) names a log or journal whose changes have to be
//! written back: open the vault once for writing, as a user who may write the file and its folder.
//!
//! # Security
//!
//! A vault is data that other programs may have written. Opening and reading a hostile file
//! does no more than fail:
//!
//! - It cannot run code. Nothing is unpickled; triggers, views and functions in the schema are off
//!   (SQLite's [defence against the dark arts](https://www.sqlite.org/security.html)), and a file that has
//!   anything but the one table is refused.
//! - It cannot exhaust the stack or the memory: nesting is bounded, and nothing is allocated for a
//!   length that is merely claimed. The exception is a type of yours that is recursive through
//!   `Option` and newtypes alone, inside an untagged enum: serde's own buffer is out of reach.
//! - It cannot lead outside: links are not followed, and no name leaves a
//!   [`VaultDir`](crate::VaultDir).
//! - It *can* hold any entries: a vault is neither encrypted nor signed. A checksum shows damage,
//!   not intent. [`mode`](crate::OpenOptions::mode) keeps other users out.
//! - It can be large, and reading it takes as long as it takes.
