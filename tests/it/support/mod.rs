//! Tools for several test modules: temporary folders, vaults, rows, and child processes.

pub(crate) mod damage;
pub(crate) mod engines;
pub(crate) mod number;
pub(crate) mod orders;

use std::collections::BTreeMap;
use std::fs;
use std::hash::Hash;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, ChildStdin, Command, Stdio};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use vaults::{Error, OpenOptions, Vault};

pub(crate) use self::engines::{fast, on_each_engine, on_each_engine_with};

/// Asserts that a value matches a pattern, and shows the value if it does not.
macro_rules! assert_is {
    ($value:expr, $pattern:pat $(if $guard:expr)?) => {{
        let value = $value;
        assert!(
            matches!(&value, $pattern $(if $guard)?),
            "expected {}, got {value:?}",
            stringify!($pattern $(if $guard)?)
        );
    }};
}

/// Returns the full name of a test function of the calling module, to run it in a child process.
macro_rules! test_path {
    ($function:ident) => {{
        // Without this check, a child would run no test and succeed if the name were wrong.
        let _: fn() = $function;
        concat!(module_path!(), "::", stringify!($function))
    }};
}

/// The traits of a key of a vault.
pub(crate) trait Key: Serialize + DeserializeOwned + Eq + Hash {}
impl<T: Serialize + DeserializeOwned + Eq + Hash> Key for T {}

/// The traits of a value of a vault.
pub(crate) trait Value: Serialize + DeserializeOwned {}
impl<T: Serialize + DeserializeOwned> Value for T {}

// ---- folders and vaults -------------------------------------------------------------

/// Returns the folder of the project, which has the sources, the papers and the fixtures.
pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A temporary folder, which is removed at the end of the test.
pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Returns the path of the folder, with links resolved, as vaults name it.
    pub(crate) fn folder(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// Returns the path of the vault of the test, if it uses only one.
    pub(crate) fn vault(&self) -> PathBuf {
        self.path("vault.db")
    }
}

pub(crate) fn open<K: Key, V: Value>(path: impl AsRef<Path>) -> Vault<K, V> {
    Vault::open(path).unwrap()
}

/// Opens a vault that does not sync, for tests that write a lot.
pub(crate) fn open_fast<K: Key, V: Value>(path: impl AsRef<Path>) -> Vault<K, V> {
    fast().open(path).unwrap()
}

/// Makes a closed vault with these entries.
pub(crate) fn make<K: Key, V: Value>(
    path: impl AsRef<Path>,
    entries: impl IntoIterator<Item = (K, V)>,
) {
    let vault = open::<K, V>(path);
    vault.try_extend(entries).unwrap();
    vault.close().unwrap();
}

/// Returns all entries of a vault, in order.
pub(crate) fn entries<K: Key, V: Value>(vault: &Vault<K, V>) -> Vec<(K, V)> {
    vault.iter().map(Result::unwrap).collect()
}

/// Returns the numbers below `count`, each with itself as value.
pub(crate) fn numbers(count: u32) -> impl Iterator<Item = (u32, u32)> {
    (0..count).map(|n| (n, n))
}

/// Returns the message of a caught panic.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no text")
}

// ---- files as bytes -----------------------------------------------------------------

/// Writes the log back to the file as another program can, without waiting. Returns `true` if it
/// was completed.
pub(crate) fn checkpoint(path: &Path, mode: &str) -> rusqlite::Result<bool> {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.busy_timeout(Duration::ZERO).unwrap();
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    let busy: rusqlite::Result<i64> = connection.query_one(&sql, [], |row| row.get(0));
    connection.close().unwrap();
    Ok(busy? == 0)
}

/// Runs SQL on any file.
pub(crate) fn sql(path: &Path, sql: &str) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch(sql).unwrap();
    connection.close().unwrap();
}

/// Writes a row directly, as another program could.
pub(crate) fn put_row(path: &Path, key: &[u8], value: &[u8]) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .execute(
            "INSERT OR REPLACE INTO dict (key, value) VALUES (?1, ?2)",
            (key, value),
        )
        .unwrap();
    connection.close().unwrap();
}

/// Returns the bytes of all rows, in order.
pub(crate) fn rows(path: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let connection = rusqlite::Connection::open(path).unwrap();
    let mut statement = connection
        .prepare("SELECT key, value FROM dict ORDER BY rowid")
        .unwrap();
    statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap()
}

/// Returns the content of a folder: each file with its bytes, each link with its target.
pub(crate) fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            let bytes = if kind.is_file() {
                fs::read(entry.path()).unwrap()
            } else if kind.is_symlink() {
                let target = fs::read_link(entry.path()).unwrap();
                target.into_os_string().into_encoded_bytes()
            } else {
                Vec::new()
            };
            (entry.file_name().into_string().unwrap(), bytes)
        })
        .collect()
}

/// Asserts that opening is refused and leaves the folder unchanged. Returns the error.
pub(crate) fn refused<T: std::fmt::Debug>(
    scratch: &Scratch,
    open: impl FnOnce() -> vaults::Result<T>,
) -> Error {
    let before = contents(&scratch.folder());
    let error = open().expect_err("opening must be refused");
    let after = contents(&scratch.folder());
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&after), names(&before), "after {error:?}");
    for (name, bytes) in &before {
        assert!(
            after[name] == *bytes,
            "{name} was changed, and then: {error:?}"
        );
    }
    error
}

// ---- child processes ----------------------------------------------------------------

const ROLE: &str = "VAULTS_TEST_ROLE";
const PATH: &str = "VAULTS_TEST_PATH";

/// Another process that runs one test function of this binary in a role.
///
/// It prints lines to stderr, which the test harness does not capture, and reads lines from stdin.
pub(crate) struct Child {
    process: std::process::Child,
    output: BufReader<ChildStderr>,
    input: Option<ChildStdin>,
}

impl Child {
    /// Starts a child. `test` is the [`test_path`] of a function that calls [`role`].
    pub(crate) fn start(test: &str, role: &str, path: &Path) -> Self {
        Self::start_with(
            Command::new(std::env::current_exe().unwrap()),
            test,
            role,
            path,
        )
    }

    /// Starts a child by a command that runs this binary in a special way.
    pub(crate) fn start_with(mut command: Command, test: &str, role: &str, path: &Path) -> Self {
        // The test harness omits the name of the crate.
        let (_, test) = test.split_once("::").unwrap();
        command
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .env(PATH, path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        // A binary that was just copied is busy while a process that another test starts at the
        // same moment still has the descriptor of the copy.
        let mut process = loop {
            match command.spawn() {
                Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                    std::thread::yield_now();
                }
                started => break started.unwrap(),
            }
        };
        Self {
            output: BufReader::new(process.stderr.take().unwrap()),
            input: process.stdin.take(),
            process,
        }
    }

    /// Returns the next line that the child prints.
    pub(crate) fn hear(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub(crate) fn expect(&mut self, line: &str) {
        let received = self.hear();
        if received != line {
            let mut rest = String::new();
            self.output.read_to_string(&mut rest).ok();
            panic!("expected the child to print {line:?}, it printed {received:?}\n{rest}");
        }
    }

    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Waits until the child ends successfully.
    pub(crate) fn finish(mut self) {
        drop(self.input.take());
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        let status = self.process.wait().unwrap();
        assert!(status.success(), "a child ended with {status}:\n{rest}");
    }

    /// Kills the child, and returns the lines that were printed and not read yet.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        let mut rest = Vec::new();
        self.output.read_to_end(&mut rest).unwrap();
        let text = String::from_utf8_lossy(&rest);
        // An incomplete line was not printed.
        text.split_inclusive('\n')
            .filter_map(|line| line.strip_suffix('\n'))
            .map(str::to_owned)
            .collect()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Returns the role and the path of this process, if it is a child.
pub(crate) fn role() -> Option<(String, PathBuf)> {
    let role = std::env::var(ROLE).ok()?;
    Some((role, PathBuf::from(std::env::var_os(PATH).unwrap())))
}

/// Prints a line to the parent.
pub(crate) fn say(line: &str) {
    let mut stderr = std::io::stderr().lock();
    writeln!(stderr, "{line}").unwrap();
    stderr.flush().unwrap();
}

/// Waits for a line of the parent. Returns `None` when there are no more.
pub(crate) fn listen() -> Option<String> {
    let mut line = String::new();
    let length = std::io::stdin().lock().read_line(&mut line).unwrap();
    (length > 0).then(|| line.trim_end().to_owned())
}

#[cfg(unix)]
pub(crate) fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A user without privileges on every Unix.
#[cfg(unix)]
const NOBODY: u32 = 65_534;

/// Runs this test function in a child without privileges, if this process has them.
///
/// Returns `true` if it did, and the test is then complete.
#[cfg(unix)]
pub(crate) fn ran_without_privileges(test: &str) -> bool {
    let scratch = Scratch::new();
    let Some(command) = unprivileged(&scratch) else {
        return false;
    };
    Child::start_with(command, test, "without privileges", &scratch.folder()).finish();
    true
}

/// Reports that this process cannot run a test. It does not use `eprintln!`, because the harness
/// discards the output of a test that passes.
pub(crate) fn not_tried(test: &str, why: &str) {
    use std::io::Write;
    let line = format!("NOT TRIED: {test}: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Returns a command that runs this binary as a user without privileges, if this process has them.
///
/// `scratch` is the folder for the binary and the files that it creates.
#[cfg(unix)]
pub(crate) fn unprivileged(scratch: &Scratch) -> Option<Command> {
    use std::os::unix::process::CommandExt;
    let probe = scratch.path("probe");
    fs::write(&probe, "").unwrap();
    set_mode(&probe, 0o444);
    if fs::OpenOptions::new().write(true).open(&probe).is_err() {
        return None;
    }
    let binary = scratch.path("binary");
    fs::copy(std::env::current_exe().unwrap(), &binary).unwrap();
    set_mode(&binary, 0o755);
    set_mode(&scratch.folder(), 0o777);
    let mut command = Command::new(&binary);
    command
        .env("TMPDIR", scratch.folder())
        .current_dir(scratch.folder())
        .uid(NOBODY)
        .gid(NOBODY);
    Some(command)
}

/// An error of the crate, for closures that fail.
pub(crate) fn any_error() -> Error {
    let mut options = OpenOptions::new();
    options.read_only(true);
    options.open_in_memory::<u8, u8>().unwrap_err()
}
