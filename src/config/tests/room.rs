/*! Room for the windows of limits. */

use super::*;

fn document(memory: &str, list: &str, limits: &str) -> String {
    format!(
        r#"{{
        "backends": {{"b": {{"cluster": "c", "api": "openai"}}}},
        "models": {{"m": {{"targets": [{{"backend": "b", "model": "x"}}]}}}},
        "tenants": {{"t": {{"models": ["m"], "spiffe": ["spiffe://mesh/t"], "{list}": [{limits}]}}}},
        "ledger": {{"user_memory": "{memory}", "store": {{"cluster": "kv", "path": "/a"}}}}
    }}"#
    )
}

/// So many sliding months, each of something else.
fn months(count: u32) -> String {
    let month = |reset| {
        format!(
            r#"{{"name": "l{reset}", "tokens": 1000000000, "per": "month", "window": "sliding", "reset": {reset}}}"#
        )
    };
    (0..count).map(month).collect::<Vec<_>>().join(",")
}

#[test]
fn a_user_who_fits_into_no_part_is_an_error_and_one_of_few_a_warning() {
    for (memory, count, wanted) in [
        (
            "1MiB",
            1,
            "tenants.t.per_user: a user's windows take up to 393 bytes, and each of the 4096 parts of ledger.user_memory has 256: raise",
        ),
        (
            "16MiB",
            12,
            "tenants.t.per_user: a user's windows take up to 4573 bytes, and each of the 4096 parts of ledger.user_memory has 4096: raise",
        ),
        (
            "16MiB",
            10,
            "warning: tenants.t.per_user: a user's windows take up to 3813 bytes, and each of the 4096 parts of ledger.user_memory has 4096: few users have windows of their own; raise",
        ),
        (
            "4MiB",
            2,
            "warning: tenants.t.per_user: a user's windows take up to 773 bytes",
        ),
        (
            "4MiB",
            1,
            "warning: tenants.t.per_user: a user's windows take up to 393 bytes",
        ),
        ("16MiB", 2, ""),
    ] {
        let told = told(&document(memory, "per_user", &months(count)));
        assert!(told.starts_with(wanted), "{memory} {count}: {told}");
        assert_eq!(told.is_empty(), wanted.is_empty(), "{told}");
    }
}

#[test]
fn a_record_of_too_many_windows_is_an_error() {
    let told_of = |count| told(&document("16MiB", "limits", &months(count)));
    assert_eq!(told_of(43), "");
    let wanted = "tenants.t.limits: so many windows take up to 16720 bytes, which every call would write: at most 16384 are allowed";
    assert!(told_of(44).starts_with(wanted), "{}", told_of(44));
}
