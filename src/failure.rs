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
//! dropped and the vault's next call did not return its error.
//!
//! When a commit fails because the disk cannot be synced, the call is an error, and whether the
//! change survives is for the disk to say: it is there whole or not at all.
//!
//! # What was tested, and how
//!
//! FIGURES
//!
//! # What is not promised
//!
//! - **Network file systems.** Their locks and their shared memory are not to be trusted.
//! - **`fork` without `exec`.** A child must open the vault itself.
//! - **Hard links and renames.** The log lies beside the file under its name: who moves one without the
//!   other loses what is in the log. A file that is deleted or replaced while it is open is
//!   [`Error::Moved`](crate::Error::Moved) at the next write.
//! - **Disks that lie.** A disk that acknowledges a sync before it has written can lose and damage
//!   anything; only [checksums](crate::OpenOptions::checksums) notice it.
//! - **SQLite's own defects.** Versions that are known to lose data in write-ahead mode are refused when
//!   a vault is opened.
//! - **Copying the file with other tools** while it is open: use [`backup`](crate::Vault::backup).
//!
//! # On a bad day
//!
//! 1. Stop the programs that use the vault, and copy the file and the `-wal` file beside it. Work on the
//!    copy.
//! 2. [`verify`](crate::Vault::verify) lists what is wrong: damage to the structure, and entries that do
//!    not decode or fail their checksum, by key.
//! 3. Single entries that do not decode can be removed with [`remove`](crate::Vault::remove) by a
//!    handle of a type that does decode them, such as `rmpv::Value` for the values.
//! 4. A backup is better than a repair. If there is none, [`salvage`](crate::Vault::salvage) reads every
//!    entry that can still be found into a new vault, and says what was lost.
//! 5. When the disk is full, removing entries needs space too: for the log. Make room first. Then
//!    [`compact`](crate::Vault::compact) gives back what the vault does not need.
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
