//! A guide: sharing a vault between threads and processes, and the mistakes to avoid.
//!
//! # Threads
//!
//! A [`Vault`](crate::Vault) is a handle. Give each thread a clone, or a reference:
//!
//! ```
//! use vaults::Vault;
//!
//! # fn main() -> vaults::Result<()> {
//! let hits: Vault<String, u64> = Vault::open_in_memory()?;
//! std::thread::scope(|scope| {
//!     for _ in 0..4 {
//!         scope.spawn(|| -> vaults::Result<()> {
//!             *hits.entry_ref("home").or_insert(0)? += 1;
//!             Ok(())
//!         });
//!     }
//! });
//! assert_eq!(hits.get("home")?, Some(4));
//! # Ok(())
//! # }
//! ```
//!
//! # Processes
//!
//! Any number of processes may open the same file at the same time, each with
//! [`Vault::open`](crate::Vault::open); nothing else is to be set up. What one has committed, the
//! others see at their next call. A process that is killed leaves no lock behind, and nothing of what it
//! had not committed.
//!
//! Who only reads may be another user, who can write neither the file nor its folder, while a
//! writer has the vault open: see [`read_only`](crate::OpenOptions::read_only).
//!
//! A vault takes up to 7 file descriptors, and each iterator or snapshot 2 more while it lives. A process that
//! has none left gets [`Error::TooManyFiles`](crate::Error::TooManyFiles).
//!
//! # Containers
//!
//! Mount the folder of a vault, never the file alone. The log and the index lie beside the file, so with
//! the file alone they stay in the container, and so do the newest entries. On Linux, opening such
//! a file is [`Error::InvalidPath`](crate::Error::InvalidPath). Containers that share a folder have to run on the
//! same machine.
//!
//! # Python
//!
//! The Python package `vaults` may use a file at the same time. Some things are different from sharing among
//! programs in Rust:
//!
//! - A file that Python created has a rollback journal until it is opened here for writing. Opened with
//!   [`read_only`](crate::OpenOptions::read_only) it keeps it, and there readers and the writer block each other.
//! - Opening such a file for writing waits until nobody else uses it. A Python program that writes in a
//!   loop without a pause can keep it waiting for the whole
//!   [busy timeout](crate::OpenOptions::busy_timeout).
//! - Python waits for the write lock by trying again after a pause, and may miss each moment at which a loop
//!   of writes here lets go of it. It gives up after 5 seconds, by default, with `database is locked`. Pause
//!   between writes, or write many entries in one transaction.
//! - Python's `sqlite3` module uses the SQLite of its system, whose version is
//!   `sqlite3.sqlite_version`. Versions from 3.7.0 to 3.51.2 have a defect that can lose committed entries in
//!   WAL mode when several connections write. This crate refuses to be linked with one, but cannot know what
//!   another program uses: let only programs with a newer version write.
//!
//! # Where it works
//!
//! Only on a local disk: the locks of network file systems are not to be trusted.
//!
//! A handle that was opened before `fork` is [`Error::Forked`](crate::Error::Forked) in the child, and so
//! are its iterators, entries and transactions. Dropping them there does nothing to the parent's
//! files. Close every handle of a vault before the `fork` if the child is to open the same
//! vault: SQLite keeps a list of the locks of this process, and the child inherits that list but not the
//! locks. A child that runs another program (`exec`) may open what it likes.
//!
//! # Who waits for whom
//!
//! - Reading waits for nobody, unless the file has a rollback journal ([Python](#python)). [`get`](crate::Vault::get) sees the newest commit; an
//!   [iterator](crate::Vault::iter) and a [snapshot](crate::Vault::snapshot) keep the state in which they
//!   began.
//! - Writing waits for its turn: one writer at a time, among all threads and processes. The threads
//!   of a process are served in the order in which they came. Who has waited for the
//!   [busy timeout](crate::OpenOptions::busy_timeout) gets [`Error::Busy`](crate::Error::Busy), which says
//!   for how long.
//! - Threads that wait to `put`, `insert` or `remove` share a commit: whoever's turn it is makes the
//!   changes of those behind it too, with one sync for all. Each call still returns when its own change is
//!   committed, with its own result: one that fails does not fail its neighbours.
//! - An [entry](crate::Vault::entry), a [`RefMut`](crate::RefMut), a
//!   [`Transaction`](crate::Transaction), a [`Drain`](crate::Drain) and an
//!   [`ExtractIf`](crate::ExtractIf) are the writer for as long as they live.
//!
//! # What works while one holds what
//!
//! A thread holds what the row says, and calls what the column says, on the same vault through another
//! handle of it, such as a clone. Nothing waits here; what cannot be done is an error at once.
//!
//! | While this thread holds | reading | writing | `entry`, `get_mut` | `begin`, `transaction` | `clear` | `close` | `delete` |
//! |---|---|---|---|---|---|---|---|
//! | an entry | the state before | `Reentrant` | `Reentrant` | `Reentrant` | `Reentrant` | gives up that handle | `InUse` |
//! | a `RefMut` | the state before | `Reentrant` | `Reentrant` | `Reentrant` | `Reentrant` | gives up that handle | `InUse` |
//! | a transaction | the state before | `Reentrant` | `Reentrant` | `Reentrant` | `Reentrant` | gives up that handle | `InUse` |
//! | a savepoint | the state before | `Reentrant` | `Reentrant` | `Reentrant` | `Reentrant` | gives up that handle | `InUse` |
//! | a `drain` or `extract_if` | the state before | `Reentrant` | `Reentrant` | `Reentrant` | `Reentrant` | gives up that handle | `InUse` |
//! | a writing call, from its closure or iterator | the state before | `Reentrant` | `Reentrant` | `Reentrant` | `Reentrant` | gives up that handle | `InUse` |
//! | an iterator | the newest state | works | works | works | works | gives up that handle | `InUse` |
//! | a snapshot | the newest state | works | works | works | works | gives up that handle | `InUse` |
//!
//! A vault that is opened a second time, rather than cloned, is to the first as another process is:
//! there a write waits for the busy timeout and is `Busy`.
//!
//! # Mistakes to avoid
//!
//! **Read, then write.** Between the two calls another process may write, and its change is lost:
//!
//! ```
//! # use vaults::Vault;
//! # fn main() -> vaults::Result<()> {
//! # let hits: Vault<String, u64> = Vault::open_in_memory()?;
//! let n = hits.get("home")?.unwrap_or(0);
//! hits.put("home", &(n + 1))?; // wrong, if the vault is shared
//!
//! *hits.entry_ref("home").or_insert(0)? += 1; // right: one step for everybody
//! # Ok(())
//! # }
//! ```
//!
//! **A guard that lives too long.** A `RefMut` in a variable holds the write lock to the end of its
//! scope, while everybody waits. End it with [`RefMut::commit`](crate::RefMut::commit), which also
//! returns the error that a drop can only keep for the next write. A guard that is leaked (by
//! [`std::mem::forget`], or in a cycle of `Rc`s) holds the write lock for the life of the process: all
//! other writes are [`Error::Busy`](crate::Error::Busy) until it ends.
//!
//! **Two guards in one statement.** Both live to its end, and the second is
//! [`Error::Reentrant`](crate::Error::Reentrant). Use a [transaction](crate::Vault::transaction), or
//! copy the value out first:
//!
//! ```
//! # use vaults::{Error, Vault};
//! # fn main() -> vaults::Result<()> {
//! # let stock: Vault<String, u64> = Vault::open_in_memory()?;
//! # stock.try_extend([("from".to_owned(), 5), ("to".to_owned(), 0)])?;
//! let first = stock.entry_ref("from").or_insert(0)?;
//! let second = stock.entry_ref("to").or_insert(0);
//! assert!(matches!(second, Err(Error::Reentrant { .. })));
//! # drop(second);
//! # drop(first);
//!
//! stock.transaction(|tx| {
//!     *tx.entry_ref("from").or_insert(0)? -= 1;
//!     *tx.entry_ref("to").or_insert(0)? += 1;
//!     Ok(())
//! })?;
//! # Ok(())
//! # }
//! ```
//!
//! **Slow work while writing.** The closure of a transaction, of
//! [`get_or_insert_with`](crate::Vault::get_or_insert_with) or of [`retain`](crate::Vault::retain) runs
//! while everybody else who wants to write waits. Fetch, compute and ask the user before.
//!
//! **A memoized function that calls itself.** A call of
//! [`get_or_insert_with`](crate::Vault::get_or_insert_with) within the closure of another is a write in a
//! write, [`Error::Reentrant`](crate::Error::Reentrant), unless its key is there. Compute first, then
//! store:
//!
//! ```
//! # use vaults::Vault;
//! fn fibonacci(memory: &Vault<u64, u64>, n: u64) -> vaults::Result<u64> {
//!     if let Some(known) = memory.get(&n)? {
//!         return Ok(known);
//!     }
//!     let computed = match n {
//!         0 | 1 => n,
//!         _ => fibonacci(memory, n - 1)? + fibonacci(memory, n - 2)?,
//!     };
//!     // If another thread was faster, its result is kept and returned.
//!     memory.get_or_insert_with(n, || computed)
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let memory = Vault::open_in_memory()?;
//! assert_eq!(fibonacci(&memory, 50)?, 12_586_269_025);
//! # Ok(())
//! # }
//! ```
//!
//! **One transaction for each of many writes.** Each is a sync of the disk. Use
//! [`try_extend`](crate::Vault::try_extend) or a transaction for what belongs together.
//!
//! **Touching the files by name.** Another program that deletes, renames or replaces the file, its log
//! or its index while it is open makes writes fail; and opening the file by `std::fs` in the process that has
//! the vault open gives up its locks. See
//! [the guide to failure](crate::guide::failure#files-that-are-taken-away).
//!
//! **A snapshot or an iterator kept for hours.** The log beside the file cannot be begun anew while it
//! lives. When the log reaches its [size limit](crate::OpenOptions::log_size_limit), 32 MiB unless you
//! set another, one write waits for the readers of that moment. It waits for 7/8 of the busy timeout at
//! most, and all other writes wait with it. Readers that finish within a third of the busy timeout
//! keep the log below its limit, however many they are. One that takes longer is not waited for
//! again: writes go on, and the log grows with all that is written, as
//! [`stats`](crate::Vault::stats) shows. The first write after that reader has gone shrinks it.
