/*! An object of a store: some records, and all that is needed to refuse what is none of
ours.

Layout, numbers in little-endian order: `TOLLGATE`; a version byte; 64 bits of the epoch
(who wrote it, see `standing`); 64 bits of the time, in milliseconds since the Unix epoch;
the namespace and the object's name, each after 16 bits of its length; 32 bits of the
number of records; for each its name after 16 bits and its bytes after 32 bits of their
length; SHA-256 of all before it. */

use sha2::{Digest, Sha256};
use std::fmt;

/// Longest object that is written or read, in bytes: 64 records of 4 KiB are a sixteenth.
pub const MAX_OBJECT: usize = 4 << 20;

const MAGIC: &[u8; 8] = b"TOLLGATE";
const VERSION: u8 = 1;
const DIGEST: usize = 32;

/// What an object holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// Of the Envoy that wrote it.
    pub(super) epoch: u64,
    /// When, in milliseconds since the Unix epoch.
    pub(super) written_ms: u64,
    /// Records by name.
    pub(super) records: Vec<(String, Vec<u8>)>,
}

/// Why an object can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It is longer than any that is written.
    TooLong,
    /// It does not begin as ours do.
    NotOurs,
    /// A later release wrote it.
    Newer,
    /// It is cut short, or its checksum is wrong.
    Damaged,
    /// It belongs to another policy, or to another place of this one.
    Misplaced,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "longer than 4 MiB",
            Self::NotOurs => "not written by Tollgate",
            Self::Newer => "written by a later release of Tollgate",
            Self::Damaged => "damaged",
            Self::Misplaced => "of another policy, or another object of this one",
        })
    }
}

impl Snapshot {
    /// The object's bytes; `None` if they would be too many.
    pub(super) fn encode(&self, namespace: &str, object: &str) -> Option<Vec<u8>> {
        let mut bytes = MAGIC.to_vec();
        bytes.push(VERSION);
        bytes.extend(self.epoch.to_le_bytes());
        bytes.extend(self.written_ms.to_le_bytes());
        put_text(&mut bytes, namespace)?;
        put_text(&mut bytes, object)?;
        bytes.extend(u32::try_from(self.records.len()).ok()?.to_le_bytes());
        for (name, value) in &self.records {
            put_text(&mut bytes, name)?;
            bytes.extend(u32::try_from(value.len()).ok()?.to_le_bytes());
            bytes.extend(value);
        }
        let digest = Sha256::digest(&bytes);
        bytes.extend(digest);
        (bytes.len() <= MAX_OBJECT).then_some(bytes)
    }

    /// Reads an object that is to be `object` of `namespace`.
    ///
    /// # Errors
    /// Why it can't be used; nothing of it is handed out then.
    pub(super) fn decode(bytes: &[u8], namespace: &str, object: &str) -> Result<Self, Unreadable> {
        if bytes.len() > MAX_OBJECT {
            return Err(Unreadable::TooLong);
        }
        let version = bytes.strip_prefix(MAGIC).ok_or(Unreadable::NotOurs)?;
        let version = *version.first().ok_or(Unreadable::Damaged)?;
        // Only this much of the layout is promised to later releases.
        if version > VERSION {
            return Err(Unreadable::Newer);
        }
        let (head, snapshot) = checked(bytes).and_then(read).ok_or(Unreadable::Damaged)?;
        if head != (namespace, object) {
            return Err(Unreadable::Misplaced);
        }
        Ok(snapshot)
    }
}

fn put_text(bytes: &mut Vec<u8>, text: &str) -> Option<()> {
    bytes.extend(u16::try_from(text.len()).ok()?.to_le_bytes());
    bytes.extend(text.as_bytes());
    Some(())
}

/// All but the checksum, if that is right.
fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (content, digest) = bytes.split_at_checked(bytes.len().checked_sub(DIGEST)?)?;
    (Sha256::digest(content).as_slice() == digest).then_some(content)
}

type Head<'b> = (&'b str, &'b str);

fn read(content: &[u8]) -> Option<(Head<'_>, Snapshot)> {
    let mut reader = Reader(content.get(MAGIC.len().saturating_add(1)..)?);
    let epoch = reader.u64()?;
    let written_ms = reader.u64()?;
    let head = (reader.text()?, reader.text()?);
    let count = reader.u32()?;
    let mut records = Vec::new();
    for _ in 0..count {
        let name = reader.text()?.to_owned();
        let length = usize::try_from(reader.u32()?).ok()?;
        records.push((name, reader.bytes(length)?.to_vec()));
    }
    let snapshot = Snapshot {
        epoch,
        written_ms,
        records,
    };
    reader.0.is_empty().then_some((head, snapshot))
}

/// Bytes that are read from their beginning.
pub(super) struct Reader<'b>(pub(super) &'b [u8]);

impl<'b> Reader<'b> {
    pub(super) fn bytes(&mut self, length: usize) -> Option<&'b [u8]> {
        let (found, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(found)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.first_chunk().copied()
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> Option<&'b str> {
        let length = usize::from(self.u16()?);
        std::str::from_utf8(self.bytes(length)?).ok()
    }

    /// A text after 8 bits of its length.
    pub(super) fn short_text(&mut self) -> Option<&'b str> {
        let length = usize::from(self.u8()?);
        std::str::from_utf8(self.bytes(length)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn example() -> Snapshot {
        Snapshot {
            epoch: 7,
            written_ms: 1_000,
            records: vec![
                ("ledger/tenant/acme".to_owned(), vec![1, 2, 3]),
                ("ledger/tenant/blue".to_owned(), Vec::new()),
            ],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = example().encode("gateway", "limits-00").unwrap();
        let read = Snapshot::decode(&bytes, "gateway", "limits-00");
        assert_eq!(read, Ok(example()));
    }

    #[test]
    fn what_is_not_ours_is_told_apart() {
        let good = example().encode("gateway", "limits-00").unwrap();
        let decode = |bytes: &[u8]| Snapshot::decode(bytes, "gateway", "limits-00").unwrap_err();
        assert_eq!(decode(b""), Unreadable::NotOurs);
        assert_eq!(decode(b"<html>404</html>"), Unreadable::NotOurs);
        assert_eq!(decode(b"TOLLGATE"), Unreadable::Damaged);
        let mut newer = good.clone();
        newer[8] = VERSION + 1;
        assert_eq!(decode(&newer), Unreadable::Newer);
        assert_eq!(decode(&vec![0; MAX_OBJECT + 1]), Unreadable::TooLong);
        for (namespace, object) in [("other", "limits-00"), ("gateway", "limits-01")] {
            let found = Snapshot::decode(&good, namespace, object);
            assert_eq!(found, Err(Unreadable::Misplaced), "{namespace} {object}");
        }
    }

    #[test]
    fn a_damaged_object_is_never_read() {
        let good = example().encode("gateway", "limits-00").unwrap();
        for length in 0..good.len() {
            let cut = Snapshot::decode(&good[..length], "gateway", "limits-00");
            assert!(cut.is_err(), "cut to {length}");
        }
        for index in 0..good.len() {
            let mut wrong = good.clone();
            wrong[index] ^= 0x10;
            let read = Snapshot::decode(&wrong, "gateway", "limits-00");
            assert!(read.is_err(), "byte {index} is another");
        }
    }

    #[test]
    fn what_would_be_too_long_is_not_written() {
        let mut long = example();
        long.records[0].1 = vec![0; MAX_OBJECT];
        assert_eq!(long.encode("gateway", "limits-00"), None);
        long.records[0].1.truncate(MAX_OBJECT / 2);
        assert!(long.encode("gateway", "limits-00").is_some());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), seal: bool) {
            if seal {
                // Past the checksum, so that the reader itself is tried.
                let mut sealed = MAGIC.to_vec();
                sealed.push(VERSION);
                sealed.append(&mut bytes);
                let digest = Sha256::digest(&sealed);
                sealed.extend(digest);
                bytes = sealed;
            }
            if let Ok(read) = Snapshot::decode(&bytes, "g", "o") {
                prop_assert_eq!(read.encode("g", "o"), Some(bytes));
            }
        }

        #[test]
        fn any_records_come_back(records in proptest::collection::vec(("[a-z/]{0,30}", proptest::collection::vec(any::<u8>(), 0..50)), 0..20), epoch: u64, written_ms: u64) {
            let snapshot = Snapshot { epoch, written_ms, records };
            let bytes = snapshot.encode("n", "o").unwrap();
            prop_assert_eq!(Snapshot::decode(&bytes, "n", "o"), Ok(snapshot));
        }
    }
}
