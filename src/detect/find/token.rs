/*! Keys and tokens that their makers gave a form of their own. Prefixes and alphabets are
from the makers' documentation. */

use super::super::by_first::ByFirst;
use super::super::chars::OTHER_LETTER;
use super::super::entity::Entity;
use super::super::view::{at, before, part, run};
use super::{Candidate, Region, Weight};

/// No token is shorter.
pub(super) const SHORTEST: usize = 16;

/// What a token's body is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alphabet {
    Hex,
    /// Letters and digits.
    Alnum,
    /// And `_`, `-`.
    Word,
    /// And `.`, `=`, `~`, `+`, `/`.
    Dotted,
}

impl Alphabet {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Alnum => byte.is_ascii_alphanumeric(),
            Self::Word => byte.is_ascii_alphanumeric() || b"_-".contains(&byte),
            Self::Dotted => byte.is_ascii_alphanumeric() || b"_-.=~+/".contains(&byte),
        }
    }
}

use Alphabet::{Alnum, Dotted, Hex, Word};

/// What a token begins with, what it goes on in, and the fewest bytes of that.
type Token = (&'static str, Alphabet, usize);

static BY_FIRST: ByFirst<Token> = ByFirst::of(TOKENS, |(prefix, ..)| prefix);

static TOKENS: &[Token] = &[
    // Clouds
    ("AKIA", Alnum, 16),
    ("ASIA", Alnum, 16),
    ("ABIA", Alnum, 16),
    ("ACCA", Alnum, 16),
    ("ABSK", Dotted, 60),
    ("bedrock-api-key-", Dotted, 30),
    ("AIza", Word, 35),
    ("ya29.", Dotted, 20),
    ("GOCSPX-", Word, 20),
    ("LTAI", Alnum, 17),
    ("dop_v1_", Hex, 40),
    ("doo_v1_", Hex, 40),
    ("dor_v1_", Hex, 40),
    ("HRKU-", Word, 30),
    ("v1.0-", Word, 90),
    ("AQVN", Word, 35),
    ("t1.", Dotted, 80),
    ("fo1_", Word, 30),
    ("fm1", Dotted, 60),
    ("fm2_", Dotted, 60),
    ("vcp_", Alnum, 20),
    ("s-s4t2", Word, 60),
    ("sgp_", Word, 40),
    ("sbp_", Hex, 40),
    ("pscale_", Dotted, 24),
    ("dckr_pat_", Word, 20),
    ("hvs.", Word, 24),
    ("hvb.", Word, 60),
    ("pul-", Hex, 40),
    ("dp.pt.", Alnum, 30),
    ("dp.st.", Dotted, 30),
    ("dt0c01.", Dotted, 60),
    ("ops_eyJ", Dotted, 60),
    ("A3-", Word, 32),
    ("sha256~", Word, 40),
    ("tskey-", Word, 20),
    ("AGE-SECRET-KEY-1", Alnum, 50),
    ("dapi", Hex, 32),
    // Code hosts and registries of packages
    ("ghp_", Alnum, 30),
    ("gho_", Alnum, 30),
    ("ghu_", Alnum, 30),
    ("ghs_", Alnum, 30),
    ("ghr_", Alnum, 30),
    ("github_pat_", Word, 30),
    ("glpat-", Dotted, 20),
    ("gldt-", Word, 20),
    ("glrt-", Dotted, 20),
    ("glft-", Word, 20),
    ("glptt-", Word, 20),
    ("glcbt-", Word, 20),
    ("glimt-", Word, 20),
    ("gloas-", Word, 40),
    ("glsoat-", Word, 20),
    ("glffct-", Word, 20),
    ("glagent-", Word, 40),
    ("GR1348941", Word, 20),
    ("ATBB", Alnum, 24),
    ("ATATT3", Dotted, 60),
    ("ATCTT3", Dotted, 60),
    ("npm_", Alnum, 30),
    ("pypi-AgE", Word, 50),
    ("rubygems_", Hex, 40),
    ("CLOJARS_", Alnum, 50),
    ("AKCp", Alnum, 60),
    ("cmVmdGtu", Alnum, 40),
    // Chat and mail
    ("xoxb-", Word, 15),
    ("xoxp-", Word, 15),
    ("xoxa-", Word, 15),
    ("xoxr-", Word, 15),
    ("xoxs-", Word, 15),
    ("xoxo-", Word, 15),
    ("xoxe-", Word, 30),
    ("xoxe.", Word, 30),
    ("xapp-", Word, 20),
    ("hooks.slack.com/services/", Dotted, 40),
    ("hooks.slack.com/workflows/", Dotted, 40),
    ("SG.", Dotted, 50),
    ("key-", Hex, 32),
    ("pubkey-", Hex, 32),
    ("xkeysib-", Word, 60),
    ("xsmtpsib-", Word, 60),
    // Payments and shops
    ("sk_live_", Alnum, 10),
    ("sk_test_", Alnum, 10),
    ("sk_prod_", Alnum, 10),
    ("rk_live_", Alnum, 10),
    ("rk_test_", Alnum, 10),
    ("rk_prod_", Alnum, 10),
    ("whsec_", Alnum, 24),
    ("sq0atp-", Word, 20),
    ("sq0csp-", Word, 40),
    ("EAAA", Word, 56),
    ("shpat_", Hex, 32),
    ("shpca_", Hex, 32),
    ("shppa_", Hex, 32),
    ("shpss_", Hex, 32),
    ("FLWSECK_TEST-", Word, 12),
    ("FLWPUBK_TEST-", Word, 12),
    ("FLWSECK-", Word, 12),
    ("shippo_live_", Hex, 32),
    ("shippo_test_", Hex, 32),
    ("duffel_live_", Dotted, 30),
    ("duffel_test_", Dotted, 30),
    ("EZAK", Alnum, 50),
    ("EZTK", Alnum, 50),
    ("live_", Dotted, 30),
    ("access_token$production$", Hex, 30),
    // AI
    ("sk-ant-", Word, 40),
    ("sk-proj-", Word, 30),
    ("sk-svcacct-", Word, 30),
    ("sk-admin-", Word, 30),
    ("sk-or-v1-", Hex, 40),
    ("sk-", Alnum, 32),
    ("hf_", Alnum, 30),
    ("api_org_", Alnum, 30),
    ("r8_", Alnum, 30),
    ("gsk_", Alnum, 40),
    ("xai-", Alnum, 60),
    ("pplx-", Alnum, 40),
    ("nvapi-", Word, 40),
    ("tgp_v1_", Word, 30),
    ("fw_", Alnum, 22),
    ("lsv2_", Word, 30),
    ("tvly-", Word, 24),
    // Telemetry and work
    ("glsa_", Word, 30),
    ("glc_eyJ", Dotted, 30),
    ("eyJrIjoi", Dotted, 60),
    ("NRAK-", Alnum, 20),
    ("NRJS-", Alnum, 15),
    ("NRII-", Word, 20),
    ("NRRA-", Alnum, 30),
    ("sntrys_eyJ", Dotted, 60),
    ("sntryu_", Hex, 50),
    ("PMAK-", Word, 50),
    ("lin_api_", Alnum, 30),
    ("lin_oauth_", Alnum, 30),
    ("figd_", Word, 30),
    ("ntn_", Alnum, 40),
    ("secret_", Alnum, 40),
    ("tfp_", Dotted, 50),
    ("rdme_", Alnum, 60),
    ("pnu_", Alnum, 30),
    ("p8e-", Alnum, 30),
    ("sm_aat_", Alnum, 16),
    ("sm_pat_", Alnum, 16),
    ("sm_sat_", Alnum, 16),
    ("CFPAT-", Word, 40),
    ("fio-u-", Word, 50),
    ("phx_", Alnum, 40),
    ("aio_", Alnum, 28),
    ("sk.eyJ", Dotted, 60),
    ("pk.eyJ", Dotted, 60),
    ("4b1d", Alnum, 34),
];

/// The ends of runs in an alphabet, each looked for once.
#[derive(Debug, Default)]
struct Runs {
    hex: Run,
    alnum: Run,
    dotted: Run,
    /// Runs of `Word`: the first, the one behind its sign, and the third.
    words: [Run; 3],
    /// The second part of a JSON Web Token.
    payload: Run,
}

/// A run that was found.
#[derive(Debug, Default, Clone, Copy)]
struct Run {
    start: usize,
    end: usize,
}

impl Run {
    /// The end of the run of what `of` takes, from `start` on.
    fn end(&mut self, bytes: &[u8], start: usize, of: impl Fn(u8) -> bool) -> usize {
        if !(self.start..self.end).contains(&start) {
            *self = Self {
                start,
                end: run(bytes, start, of),
            };
        }
        self.end
    }
}

impl Runs {
    fn of(&mut self, alphabet: Alphabet) -> &mut Run {
        let [word, ..] = &mut self.words;
        match alphabet {
            Hex => &mut self.hex,
            Alnum => &mut self.alnum,
            Word => word,
            Dotted => &mut self.dotted,
        }
    }
}

pub(super) fn find(region: &Region<'_>, found: &mut Vec<Candidate>) {
    let bytes = region.bytes();
    let mut runs = Runs::default();
    let last = bytes.len().checked_sub(SHORTEST);
    for start in 0..=last.unwrap_or(0) {
        let left = before(bytes, start);
        if last.is_none() || left == OTHER_LETTER || left.is_ascii_alphanumeric() {
            continue;
        }
        if let Some(end) = jwt_end(bytes, start, &mut runs) {
            found.push(candidate(Entity::Jwt, start, end));
        } else if let Some(end) = key_end(bytes, start, &mut runs) {
            found.push(candidate(Entity::ApiKey, start, end));
        }
    }
}

const fn candidate(entity: Entity, start: usize, end: usize) -> Candidate {
    Candidate {
        entity,
        start,
        end,
        weight: Weight::Secret,
    }
}

fn key_end(bytes: &[u8], start: usize, runs: &mut Runs) -> Option<usize> {
    token_end(bytes, start, runs).or_else(|| dotted_end(bytes, start, runs))
}

fn token_end(bytes: &[u8], start: usize, runs: &mut Runs) -> Option<usize> {
    let rest = bytes.get(start..)?;
    let pair = [at(bytes, start), at(bytes, start.saturating_add(1))];
    let known = BY_FIRST.that_begin(pair);
    let ends = known.filter_map(|(prefix, alphabet, least)| {
        let body = rest.strip_prefix(prefix.as_bytes())?;
        let from = start.saturating_add(prefix.len());
        let end = runs
            .of(*alphabet)
            .end(bytes, from, |byte| alphabet.has(byte));
        let length = end.saturating_sub(from);
        let body = part(body, 0, length);
        let good = length >= *least && is_random(body) && is_of_its_length(prefix, length);
        good.then_some(end)
    });
    ends.max().map(|end| without_stops(bytes, end))
}

/// Where the prefix alone says little, the length must be the one and only.
fn is_of_its_length(prefix: &str, length: usize) -> bool {
    match prefix {
        "AKIA" | "ASIA" | "ABIA" | "ACCA" => length == 16,
        "AIza" => length == 35,
        "dapi" | "key-" => (32..=34).contains(&length),
        "4b1d" => length == 34,
        "glptt-" => length == 40,
        "gloas-" => length == 64,
        _ => true,
    }
}

/// A full stop behind a token ends the sentence.
fn without_stops(bytes: &[u8], end: usize) -> usize {
    let mut end = end;
    while before(bytes, end) == b'.' {
        end = end.saturating_sub(1);
    }
    end
}

/// Not `ghp_xxxxxxxx` or `hf_generatedByTheApp`: a digit or letters of both cases in about
/// equal numbers, and many different bytes.
pub(super) fn is_random(body: &[u8]) -> bool {
    let mut seen = [false; 256];
    for byte in body.iter().take(64) {
        if let Some(place) = seen.get_mut(usize::from(*byte)) {
            *place = true;
        }
    }
    let different = seen.iter().filter(|seen| **seen).count();
    let least = if body.len() < 24 {
        (body.len() / 2).min(6)
    } else {
        8
    };
    different >= least && (body.iter().any(u8::is_ascii_digit) || is_mixed(body))
}

fn is_mixed(body: &[u8]) -> bool {
    let capitals = body.iter().filter(|byte| byte.is_ascii_uppercase()).count();
    let third = body.len() / 3;
    body.len() >= 20 && (third..=body.len().saturating_sub(third)).contains(&capitals)
}

/// A JSON Web Token (RFC 7519): three parts in base64url, the first two JSON objects.
fn jwt_end(bytes: &[u8], start: usize, runs: &mut Runs) -> Option<usize> {
    if part(bytes, start, start.saturating_add(2)) != b"ey" {
        return None;
    }
    let header = runs.of(Word).end(bytes, start, |byte| Word.has(byte));
    let payload = header.saturating_add(1);
    let object = part(bytes, payload, payload.saturating_add(2)) == b"ey";
    if at(bytes, header) != b'.' || !object || header.saturating_sub(start) < 15 {
        return None;
    }
    let of_payload = |byte| Word.has(byte) || byte == b'=';
    let payload_end = runs.payload.end(bytes, payload, of_payload);
    let signed = at(bytes, payload_end) == b'.';
    let end = if signed {
        let signature = payload_end.saturating_add(1);
        let run = runs.of(Dotted);
        run.end(bytes, signature, |byte| Dotted.has(byte))
    } else {
        payload_end
    };
    let long = payload_end.saturating_sub(payload) > 10;
    long.then(|| without_stops(bytes, end))
}

/// Tokens known by their parts: Discord's and Telegram's bots, Airtable, Mailchimp.
fn dotted_end(bytes: &[u8], start: usize, runs: &mut Runs) -> Option<usize> {
    let mut end = start;
    let [first, second, third] = runs.words.each_mut().map(|run| {
        let stop = run.end(bytes, end, |byte| Word.has(byte));
        end = stop.saturating_add(1);
        stop
    });
    let lengths = (
        first.saturating_sub(start),
        second.saturating_sub(first).saturating_sub(1),
        third.saturating_sub(second).saturating_sub(1),
    );
    let all = |start, end, of: fn(&u8) -> bool| part(bytes, start, end).iter().all(of);
    let signs = (at(bytes, first), at(bytes, second));
    let random = |start, end| is_random(part(bytes, start, end));
    match (signs, lengths) {
        ((b'.', b'.'), (24..=28, 6..=7, 27..=40)) if b"MNO".contains(&at(bytes, start)) => {
            Some(third)
        }
        ((b':', _), (8..=10, 35, _))
            if all(start, first, u8::is_ascii_digit) && random(first, second) =>
        {
            Some(second)
        }
        ((b'.', _), (17, 64, _))
            if part(bytes, start, start.saturating_add(3)) == b"pat" && random(first, second) =>
        {
            Some(second)
        }
        (_, (36..=37, ..)) => mailchimp_end(bytes, start, first),
        _ => None,
    }
}

/// 32 hexadecimal digits and the data centre: `-us12`.
fn mailchimp_end(bytes: &[u8], start: usize, end: usize) -> Option<usize> {
    let hex = start.saturating_add(32);
    let digits = part(bytes, hex.saturating_add(3), end);
    let good = part(bytes, start, hex).iter().all(u8::is_ascii_hexdigit)
        && part(bytes, hex, hex.saturating_add(3)) == b"-us"
        && !digits.is_empty()
        && digits.iter().all(u8::is_ascii_digit);
    good.then_some(end)
}
