//! The `tracing` feature: which spans it emits, and that they never contain entries.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use crate::support::any_error;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use vaults::Vault;

/// Collects every span and event with all fields.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<String>>);

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut trace = self.0.lock().unwrap();
        write!(trace, "\nspan {}", span.metadata().name()).unwrap();
        span.record(&mut Fields(&mut trace));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Fields(&mut self.0.lock().unwrap()));
    }

    fn event(&self, event: &Event<'_>) {
        let mut trace = self.0.lock().unwrap();
        trace.push_str("\nevent");
        event.record(&mut Fields(&mut trace));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn opening_and_transactions_are_traced_without_entries() {
    let listener = Listener::default();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.db");
    tracing::subscriber::with_default(listener.clone(), || {
        let vault: Vault<String, String> = Vault::open(&path).unwrap();
        vault
            .insert("secretkey".into(), "secretvalue".into())
            .unwrap();
        vault
            .transaction(|tx| -> vaults::Result<()> {
                tx.remove("secretkey")?;
                Err(any_error())
            })
            .unwrap_err();
        assert_eq!(vault.get("secretkey").unwrap().unwrap(), "secretvalue");
    });
    let trace = listener.0.lock().unwrap();
    let path = path.canonicalize().unwrap();
    assert!(trace.contains("span open path="), "{trace}");
    assert!(
        trace.contains(&format!("span transaction path={}", path.display())),
        "{trace}"
    );
    assert!(trace.contains(r#"outcome="commit""#), "{trace}");
    assert!(trace.contains(r#"outcome="rollback""#), "{trace}");
    assert!(!trace.contains("secret"), "{trace}");
}
