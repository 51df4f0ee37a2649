/*! `stored`, with the backend that it names. */

use super::super::document::StoredEntry;
use super::super::fields::Located;
use super::super::model::Backend;
use super::super::problem::Problems;
use super::super::stored::Stored;
use super::Names;
use crate::protocols::Protocol;

pub(super) fn stored(
    entry: Option<Located<StoredEntry>>,
    backends: &Names<Backend>,
    problems: &mut Problems,
) -> Option<Stored> {
    let StoredEntry {
        secrets,
        conversations,
        files,
        batches,
    } = entry?.value;
    let files = files.and_then(|name| {
        let backend = backends.resolve(&name, problems)?;
        if backend.protocol != Protocol::OpenAi {
            let message = "must be a backend of api: openai; other files are kept by other calls";
            problems.error(&name.path, message);
        }
        Some(backend)
    });
    let batches = batches.map(|batches| {
        let azure = |backend: &Backend| backend.azure_api_version.is_some();
        let message = match &files {
            None => "needs stored.files, where they are worked on",
            Some(backend) if azure(backend) => "Azure's batches have other paths in their lines",
            Some(_) => return batches.value,
        };
        problems.error(&batches.path, message);
        batches.value
    });
    Some(Stored {
        secrets,
        conversations,
        files,
        batches,
    })
}
