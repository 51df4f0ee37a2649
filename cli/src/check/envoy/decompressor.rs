/*! Decompressors before Tollgate: they ask providers for encoded answers unless told not
to, and Tollgate sees answers before they are decoded. */

use super::place::Place;
use super::types;
use crate::check::findings::Findings;
use tollgate::config::Tree;

/// Checks the decompressors that see a request first.
pub(super) fn check(place: &Place<'_>, findings: &mut Findings) {
    for decompressor in place.earlier(types::DECOMPRESSOR) {
        let direction = decompressor.field_or_gap("request_direction_config");
        let advertise = direction.field_or_gap("advertise_accept_encoding");
        if *advertise.tree != Tree::Bool(false) {
            let message = "write false: Envoy would ask providers for encoded answers, which \
                           Tollgate cannot read";
            findings.warning(&advertise, message);
        }
    }
}
