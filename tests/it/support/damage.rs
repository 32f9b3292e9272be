//! Tools for tests of damaged files: pages, damage, and random numbers.

use std::fs;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use vaults::order::InsertionOrder;
use vaults::{OpenOptions, Vault};

use crate::support::orders::TestOrder;
use crate::support::{Key, Value, project, sql};

/// The first byte of a page, which is its type.
pub(crate) const INTERIOR_TABLE: u8 = 0x05;
pub(crate) const LEAF_TABLE: u8 = 0x0D;
pub(crate) const LEAF_INDEX: u8 = 0x0A;

/// Multiplies the number of random cases.
pub(crate) fn rounds() -> usize {
    std::env::var("VAULTS_TEST_ROUNDS").map_or(1, |rounds| rounds.parse().unwrap())
}

/// A pseudo-random generator with a fixed seed: xorshift64*.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Returns a number below `limit`, which must not be zero.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from((self.next() >> 16) % limit as u64).unwrap()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }
}

/// Makes a closed vault with this page size.
pub(crate) fn make_paged<K: Key, V: Value>(
    path: &Path,
    page_bytes: u32,
    options: &OpenOptions,
    entries: impl IntoIterator<Item = (K, V)>,
) {
    make_paged_in::<K, V, InsertionOrder>(path, page_bytes, options, entries);
}

/// Makes a closed vault with this page size and order.
pub(crate) fn make_paged_in<K, V, O>(
    path: &Path,
    page_bytes: u32,
    options: &OpenOptions,
    entries: impl IntoIterator<Item = (K, V)>,
) where
    K: Serialize + DeserializeOwned,
    V: Value,
    O: TestOrder<K>,
{
    sql(path, &format!("PRAGMA page_size = {page_bytes}; VACUUM"));
    let vault: Vault<K, V, O> = O::open(options, path).unwrap();
    vault.try_extend(entries).unwrap();
    vault.close().unwrap();
}

/// Returns the page size in the header of a file.
pub(crate) fn page_bytes(file: &[u8]) -> usize {
    match usize::from(u16::from_be_bytes([file[16], file[17]])) {
        1 => 65536,
        bytes => bytes,
    }
}

/// Returns the numbers of all pages but the first that begin with this byte.
pub(crate) fn pages_of(path: &Path, kind: u8) -> Vec<usize> {
    let file = fs::read(path).unwrap();
    let bytes = page_bytes(&file);
    let pages = file.chunks(bytes).enumerate().skip(1);
    pages
        .filter(|(_, page)| page[0] == kind)
        .map(|(n, _)| n + 1)
        .collect()
}

/// Returns the number of entries in a leaf page.
pub(crate) fn entries_in(path: &Path, page: usize) -> u64 {
    let file = fs::read(path).unwrap();
    let at = (page - 1) * page_bytes(&file);
    u64::from(u16::from_be_bytes([file[at + 3], file[at + 4]]))
}

/// Overwrites a page with bytes that are not a page.
pub(crate) fn damage_page(path: &Path, page: usize) {
    change(path, |file| {
        let bytes = page_bytes(file);
        file[(page - 1) * bytes..page * bytes].fill(0x5A);
    });
}

/// Changes the bytes of a file.
pub(crate) fn change(path: &Path, f: impl FnOnce(&mut Vec<u8>)) {
    let mut file = fs::read(path).unwrap();
    f(&mut file);
    fs::write(path, file).unwrap();
}

/// Changes a byte at the only occurrence of these bytes.
pub(crate) fn change_byte_of(path: &Path, needle: &[u8], with: impl Fn(u8) -> u8) {
    change(path, |file| {
        let mut found = file.windows(needle.len()).enumerate();
        let at = found.find(|(_, bytes)| *bytes == needle).unwrap().0;
        assert!(
            found.all(|(_, bytes)| bytes != needle),
            "the bytes occur twice"
        );
        file[at] = with(file[at]);
    });
}

/// Copies the fixture that the Python package wrote.
pub(crate) fn python_fixture(to: &Path) {
    let fixture = project().join("tests/fixtures/python.db");
    fs::copy(fixture, to).unwrap();
}
