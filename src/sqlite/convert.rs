//! Makes a file of one map a file of several.

use std::path::Path;
use std::sync::Arc;

use crate::engine::{Engine as _, Write as _};
use crate::error::{Error, Location, Result};
use crate::sqlite::ANY_TYPES;
use crate::sqlite::open::config::{Config, Content};
use crate::sqlite::open::format::Format;
use crate::sqlite::open::schema;
use crate::sqlite::store::Store;

impl Store {
    /// Gives the only map of a file a name, in one transaction. The rows stay where they are.
    pub(crate) fn convert(path: &Path, name: &str) -> Result<()> {
        let config = Config {
            create: false,
            content: Content::Any,
            ..Config::DEFAULT
        };
        let store = Arc::new(Self::open(path, config, ANY_TYPES)?);
        let Some(map) = store.format().only_map() else {
            return Err(Error::WrongKind {
                location: Location::file(path),
                expected: "Vault",
                found: Format::Several.type_name(),
            });
        };
        let mut writer = store.begin_write()?;
        let session = writer.session()?;
        session.name_only_map(map.order, map.checksums, name)?;
        session.with_connection(|connection| {
            connection.execute_batch(&schema::declare(Format::Several))
        })?;
        writer.commit()?;
        drop(writer);
        store.flush()
    }
}
