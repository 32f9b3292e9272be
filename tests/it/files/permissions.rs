//! Permissions, names, folders without write permission, files that are removed or replaced while
//! they are open, and the growth of the log.

use std::fs;
use std::path::Path;

use vaults::os::unix::OpenOptionsExt as _;
use vaults::{Durability, Error, OpenOptions, Vault};

use crate::support::{Scratch, contents, entries, make, numbers, open};

#[cfg(unix)]
use crate::support::{not_tried, ran_without_privileges, refused, set_mode};

#[cfg(unix)]
fn mode_of(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

// ---- permissions --------------------------------------------------------------------------

#[cfg(unix)]
#[test]
fn a_private_vault_is_private_in_all_its_files() {
    for durability in [Durability::Full, Durability::Normal, Durability::Off] {
        let scratch = Scratch::new();
        let mut options = OpenOptions::new();
        options.mode(0o600).durability(durability);
        let vault: Vault<u32, u32> = options.open(scratch.vault()).unwrap();
        vault.try_extend(numbers(100)).unwrap();
        let files: Vec<String> = contents(&scratch.folder()).into_keys().collect();
        assert_eq!(files, ["vault.db", "vault.db-shm", "vault.db-wal"]);
        for file in files {
            assert_eq!(mode_of(&scratch.path(&file)), 0o600, "{file}");
        }
        vault.close().unwrap();
        assert_eq!(mode_of(&scratch.vault()), 0o600);
        // The next opener need not set the mode again.
        let vault = open::<u32, u32>(scratch.vault());
        vault.put(&1, &2).unwrap();
        for file in contents(&scratch.folder()).into_keys() {
            assert_eq!(mode_of(&scratch.path(&file)), 0o600, "{file}");
        }
    }
}

#[cfg(unix)]
#[test]
fn create_new_with_permissions() {
    let scratch = Scratch::new();
    let mut options = OpenOptions::new();
    options.mode(0o640).create_new(true);
    let vault: Vault<u32, u32> = options.open(scratch.vault()).unwrap();
    assert_eq!(mode_of(&scratch.vault()), 0o640);
    assert_is!(
        options.open::<u32, u32>(scratch.vault()),
        Err(Error::AlreadyExists { .. })
    );
    vault.close().unwrap();
    assert_eq!(
        contents(&scratch.folder()).into_keys().collect::<Vec<_>>(),
        ["vault.db"]
    );
}

/// Others can create files with guessable names in a shared folder before a vault is created there.
#[cfg(unix)]
#[test]
fn files_with_guessed_names_do_not_change_the_permissions() {
    let scratch = Scratch::new();
    let process = std::process::id();
    for n in 0..1000 {
        let guess = format!("vault.db.{process}-{n}.new");
        fs::write(scratch.path(&guess), "").unwrap();
    }
    for create_new in [false, true] {
        let mut options = OpenOptions::new();
        options.mode(0o600).create_new(create_new);
        let vault: Vault<u32, u32> = options.open(scratch.vault()).unwrap();
        vault.put(&1, &1).unwrap();
        assert_eq!(mode_of(&scratch.vault()), 0o600, "{create_new}");
        vault.delete().unwrap();
    }
}

/// Others can create companion files, to read or change what is written to them.
#[cfg(unix)]
#[test]
fn a_log_of_another_user_is_refused() {
    const OTHER_USER: u32 = 4321;
    let take = |path: &Path| {
        fs::write(path, "").unwrap();
        set_mode(path, 0o666);
        std::os::unix::fs::chown(path, Some(OTHER_USER), None).is_ok()
    };
    for name in ["vault.db-wal", "vault.db-shm", "vault.db-journal"] {
        for is_new in [true, false] {
            let scratch = Scratch::new();
            let mut options = OpenOptions::new();
            options.mode(0o600);
            if !is_new {
                drop(options.open::<u32, u32>(scratch.vault()).unwrap());
            }
            if !take(&scratch.path(name)) {
                let test = "files::permissions::a_log_of_another_user_is_refused";
                not_tried(test, "only root can give a file to another user");
                return;
            }
            let error = refused(&scratch, || options.open::<u32, u32>(scratch.vault()));
            assert_is!(&error, Error::InvalidPath { path, .. } if *path == scratch.vault());
            assert!(
                error.to_string().contains("give it to the owner"),
                "{error}"
            );
            std::os::unix::fs::chown(scratch.path(name), Some(0), None).unwrap();
            let vault = options.open::<u32, u32>(scratch.vault()).unwrap();
            vault.put(&1, &1).unwrap();
            vault.close().unwrap();
        }
    }
}

/// A user who can write the vault may have created its log.
#[cfg(unix)]
#[test]
fn a_log_of_a_user_with_write_permission_is_accepted() {
    for mode in [0o660, 0o666] {
        let scratch = Scratch::new();
        make(scratch.vault(), numbers(3));
        set_mode(&scratch.vault(), mode);
        fs::write(scratch.path("vault.db-wal"), "").unwrap();
        // Without root privileges, the owner stays the same. Then the log is accepted too.
        std::os::unix::fs::chown(scratch.path("vault.db-wal"), Some(4321), None).ok();
        let vault = open::<u32, u32>(scratch.vault());
        vault.put(&3, &3).unwrap();
        assert_eq!(vault.len().unwrap(), 4);
    }
}

#[cfg(unix)]
#[test]
fn a_link_at_the_path_is_not_followed_when_creating() {
    let scratch = Scratch::new();
    std::os::unix::fs::symlink(scratch.path("elsewhere.db"), scratch.vault()).unwrap();
    for create_new in [false, true] {
        let mut options = OpenOptions::new();
        options.mode(0o600).create_new(create_new);
        let error = refused(&scratch, || options.open::<u32, u32>(scratch.vault()));
        assert_is!(
            error,
            Error::InvalidPath { .. } | Error::AlreadyExists { .. }
        );
    }
}

#[cfg(unix)]
#[test]
fn an_existing_file_keeps_its_permissions() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(3));
    set_mode(&scratch.vault(), 0o664);
    let vault: Vault<u32, u32> = OpenOptions::new()
        .mode(0o600)
        .open(scratch.vault())
        .unwrap();
    vault.compact().unwrap();
    assert_eq!(mode_of(&scratch.vault()), 0o664);
}

#[cfg(unix)]
#[test]
fn the_copy_of_a_private_vault_is_private() {
    let scratch = Scratch::new();
    let vault: Vault<u32, u32> = OpenOptions::new()
        .mode(0o600)
        .open(scratch.vault())
        .unwrap();
    vault.try_extend(numbers(3)).unwrap();
    vault.backup(scratch.path("copy.db")).unwrap();
    assert_eq!(mode_of(&scratch.path("copy.db")), 0o600);
    vault.close().unwrap();
    Vault::<u32, u32>::salvage(scratch.vault(), scratch.path("saved.db")).unwrap();
    assert_eq!(mode_of(&scratch.path("saved.db")), 0o600);
}

// ---- folders without write permission -----------------------------------------------------

#[cfg(unix)]
#[test]
fn reading_in_a_folder_without_write_permission() {
    if ran_without_privileges(test_path!(reading_in_a_folder_without_write_permission)) {
        return;
    }
    for mode in [0o644, 0o444] {
        read_in_a_folder_without_write_permission(mode);
    }
}

#[cfg(unix)]
fn read_in_a_folder_without_write_permission(mode: u32) {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(300));
    set_mode(&scratch.vault(), mode);
    set_mode(&scratch.folder(), 0o555);
    let error = refused(&scratch, || {
        OpenOptions::new()
            .read_only(true)
            .open::<u32, u32>(scratch.vault())
    });
    assert_is!(&error, Error::ReadOnlyFolder { location, .. } if *location == *scratch.vault());
    let text = error.to_string();
    assert!(text.contains("immutable(true)"), "{text}");
    let before = contents(&scratch.folder());
    let vault: Vault<u32, u32> = OpenOptions::new()
        .immutable(true)
        .open(scratch.vault())
        .unwrap();
    assert!(entries(&vault).into_iter().eq(numbers(300)));
    assert_eq!(vault.len().unwrap(), 300);
    assert_eq!(vault.get(&7).unwrap(), Some(7));
    assert!(vault.verify().unwrap().is_ok());
    assert_eq!(vault.stats().unwrap().entries, 300);
    assert_eq!(vault.snapshot().unwrap().len().unwrap(), 300);
    assert_is!(vault.put(&1, &1), Err(Error::ReadOnly { .. }));
    let elsewhere = Scratch::new();
    vault.backup(elsewhere.path("copy.db")).unwrap();
    assert_is!(
        vault.backup(scratch.path("copy.db")),
        Err(Error::Io { .. } | Error::ReadOnly { .. })
    );
    vault.close().unwrap();
    assert!(contents(&scratch.folder()) == before);
    set_mode(&scratch.folder(), 0o755);
    assert_eq!(
        open::<u32, u32>(elsewhere.path("copy.db")).len().unwrap(),
        300
    );
}

#[test]
fn immutable_supports_special_characters_in_paths() {
    let names = [
        "a name with spaces.db",
        "100%.db",
        "%20.db",
        "what?.db",
        "what?mode=rw&immutable=0",
        "number#1.db",
        "größe-日本-🗄.db",
        "file:odd.db",
        "a+b&c=d;e.db",
        "\"'quoted'\".db",
    ];
    for name in names {
        let scratch = Scratch::new();
        let folder = scratch.path("a # folder %41 ?");
        fs::create_dir(&folder).unwrap();
        let path = folder.join(name);
        make(&path, numbers(5));
        let vault: Vault<u32, u32> = OpenOptions::new().immutable(true).open(&path).unwrap();
        assert!(entries(&vault).into_iter().eq(numbers(5)), "{name}");
        assert_eq!(vault.path().unwrap(), path);
        assert_is!(vault.put(&1, &1), Err(Error::ReadOnly { .. }));
        vault.close().unwrap();
        let found: Vec<String> = contents(&folder).into_keys().collect();
        assert_eq!(found, [name]);
    }
}

#[test]
fn immutable_does_not_create() {
    let scratch = Scratch::new();
    let opened = OpenOptions::new()
        .immutable(true)
        .open::<u32, u32>(scratch.vault());
    assert_is!(opened, Err(Error::NotFound { .. }));
    let opened = OpenOptions::new()
        .immutable(true)
        .create_new(true)
        .open::<u32, u32>(scratch.vault());
    assert_is!(opened, Err(Error::InvalidOptions { .. }));
    assert!(contents(&scratch.folder()).is_empty());
}

// ---- a file removed or replaced while it is open ------------------------------------------

fn remove_all(scratch: &Scratch) {
    for name in contents(&scratch.folder()).into_keys() {
        fs::remove_file(scratch.path(&name)).unwrap();
    }
}

/// Asserts that every kind of write fails because the file is gone, and writes nothing.
fn assert_moved(vault: &Vault<u32, u32>, path: &Path) {
    let results = [
        vault.put(&1, &1),
        vault.insert(1, 1).map(drop),
        vault.remove(&1).map(drop),
        vault.clear(),
        vault.try_extend(numbers(3)),
        vault.entry(1).or_insert(1).map(drop),
        vault.get_mut(&1).map(drop),
        vault.begin().map(drop),
        vault.transaction(|tx| tx.put(&1, &1)),
        vault.retain(|_, _| false),
        vault.drain().next().unwrap().map(drop),
    ];
    for result in results {
        assert_is!(&result, Err(Error::Moved { location, moved, .. }) if *location == *path && moved == path);
    }
}

#[cfg(unix)]
#[test]
fn a_deleted_file() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(10)).unwrap();
    remove_all(&scratch);
    assert_moved(&vault, &scratch.vault());
    // No read connection is open yet, and none can be opened.
    assert_is!(
        vault.get(&1),
        Err(Error::Moved { .. } | Error::NotFound { .. })
    );
    assert_is!(
        vault.iter().next(),
        Some(Err(Error::Moved { .. } | Error::NotFound { .. }))
    );
    assert!(
        contents(&scratch.folder()).is_empty(),
        "nothing was written"
    );
    drop(vault);
    assert!(contents(&scratch.folder()).is_empty());
}

#[cfg(unix)]
#[test]
fn compacting_a_deleted_file() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(10)).unwrap();
    remove_all(&scratch);
    assert_is!(vault.compact(), Err(Error::Moved { .. }));
    assert!(contents(&scratch.folder()).is_empty());
}

#[cfg(unix)]
#[test]
fn a_replaced_file() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(10)).unwrap();
    assert_eq!(vault.get(&1).unwrap(), Some(1));
    let mut snapshot_of_old = vault.iter();
    assert_eq!(snapshot_of_old.next().unwrap().unwrap(), (0, 0));

    let other = Scratch::new();
    make(other.vault(), (100..105_u32).map(|n| (n, n)));
    let replacement = fs::read(other.vault()).unwrap();
    remove_all(&scratch);
    fs::rename(other.vault(), scratch.vault()).unwrap();

    assert_moved(&vault, &scratch.vault());
    // A new read connection would read a different vault.
    let readers: Vec<_> = (0..10).map(|_| vault.iter()).collect();
    let mut refused = 0;
    for mut reader in readers {
        match reader.next().unwrap() {
            Err(Error::Moved { .. }) => refused += 1,
            Ok(entry) => assert_eq!(entry, (0, 0), "an open connection still reads the old file"),
            Err(error) => panic!("{error:?}"),
        }
    }
    assert!(refused >= 8, "{refused}");
    assert!(
        snapshot_of_old
            .map(Result::unwrap)
            .eq((1..10).map(|n| (n, n)))
    );
    drop(vault);
    assert_eq!(fs::read(scratch.vault()).unwrap(), replacement);
    assert_eq!(
        contents(&scratch.folder()).into_keys().collect::<Vec<_>>(),
        ["vault.db"]
    );
}

#[cfg(unix)]
#[test]
fn the_replacement_is_intact_after_the_old_handle_is_closed() {
    let scratch = Scratch::new();
    let old = open::<u32, u32>(scratch.vault());
    old.try_extend(numbers(10)).unwrap();
    remove_all(&scratch);
    let new = open::<u32, u32>(scratch.vault());
    new.try_extend((100..200).map(|n| (n, n))).unwrap();
    assert_is!(old.put(&1, &1), Err(Error::Moved { .. }));
    drop(old);
    new.put(&200, &200).unwrap();
    assert_eq!(new.len().unwrap(), 101);
    assert!(new.verify().unwrap().is_ok());
    // The entry is still in the log, and other handles can read it.
    let third = open::<u32, u32>(scratch.vault());
    assert_eq!(third.get(&200).unwrap(), Some(200));
    drop((new, third));
    assert_eq!(open::<u32, u32>(scratch.vault()).len().unwrap(), 101);
}

#[cfg(unix)]
#[test]
fn a_transaction_whose_file_is_removed() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(10)).unwrap();
    let mut tx = vault.begin().unwrap();
    tx.put(&1, &100).unwrap();
    remove_all(&scratch);
    // It began when the file still existed. The next write returns an error.
    tx.commit().ok();
    assert_is!(vault.put(&1, &1), Err(Error::Moved { .. }));
    drop(vault);
    assert!(contents(&scratch.folder()).is_empty());
}

#[cfg(unix)]
#[test]
fn a_renamed_folder() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("a")).unwrap();
    let path = scratch.path("a").join("vault.db");
    let vault = open::<u32, u32>(&path);
    vault.put(&1, &1).unwrap();
    fs::rename(scratch.path("a"), scratch.path("b")).unwrap();
    assert_is!(vault.put(&2, &2), Err(Error::Moved { .. }));
    fs::rename(scratch.path("b"), scratch.path("a")).unwrap();
    vault.put(&2, &2).unwrap();
    assert_eq!(vault.len().unwrap(), 2);
}

// ---- growth -------------------------------------------------------------------------------

const LIMIT: u64 = 16 * 1024 * 1024;

#[test]
fn the_log_shrinks_after_a_long_reader() {
    for durability in [Durability::Normal, Durability::Off] {
        let scratch = Scratch::new();
        let vault: Vault<u32, String> = OpenOptions::new()
            .durability(durability)
            .log_size_limit(LIMIT)
            .open(scratch.vault())
            .unwrap();
        // Write other bytes each time, because unchanged bytes are not written.
        let text = |n: u32| format!("{n:04}").repeat(1 << 18);
        vault.put(&0, &text(0)).unwrap();
        let reader = vault.snapshot().unwrap();
        assert_eq!(reader.len().unwrap(), 1);
        for n in 0..40 {
            vault.put(&(n % 4), &text(n + 1)).unwrap();
        }
        let grown = vault.stats().unwrap().log_bytes;
        assert!(grown > 2 * LIMIT, "the reader keeps the log: {grown}");
        assert_eq!(reader.len().unwrap(), 1);
        drop(reader);
        // The next commit restarts the log, and the one after it truncates the file.
        vault.put(&5, &text(5)).unwrap();
        vault.put(&6, &text(6)).unwrap();
        let log = vault.stats().unwrap().log_bytes;
        assert!(log <= LIMIT, "the log still has {log} bytes");
        assert_eq!(vault.len().unwrap(), 6);
    }
}

#[test]
fn the_log_of_a_busy_vault_stays_small() {
    let scratch = Scratch::new();
    let vault: Vault<u32, String> = OpenOptions::new()
        .durability(Durability::Off)
        .open(scratch.vault())
        .unwrap();
    let text = |n: u32| format!("{n:04}").repeat(25_000);
    let mut most = 0;
    for n in 0..600 {
        vault.put(&(n % 10), &text(n)).unwrap();
        assert_eq!(vault.iter().count(), vault.len().unwrap());
        most = most.max(vault.stats().unwrap().log_bytes);
    }
    assert!(most <= LIMIT, "{most}");
    vault.close().unwrap();
    assert!(!scratch.path("vault.db-wal").exists());
}
