use super::*;

fn prose(sentences: usize) -> String {
    let words = [
        "The quick brown fox",
        "jumps over",
        "a lazy dog,",
        "42 times;",
        "naïvely, 語",
    ];
    let mut text = String::new();
    for number in 0..sentences * 5 {
        text.push_str(words[(number * 7 + number / 3) % 5]);
        text.push(' ');
    }
    text
}

#[test]
fn a_short_prompt_is_counted_whole() {
    let text = prose(100);
    let mut prompt = Prompt::default();
    let mut tally = Tally::default();
    for piece in [&text[..900], &text[900..]] {
        prompt.add_json(piece.as_bytes());
        tally.add_json(piece.as_bytes());
    }
    assert_eq!(prompt.tokens(), tally.tokens());
    assert_eq!(prompt.bytes(), text.len() as u64);
}

#[test]
fn of_a_long_prompt_a_part_says_nearly_the_same() {
    let text = prose(6000);
    let mut tally = Tally::default();
    tally.add(text.as_bytes());
    for seed in 0..20 {
        let mut prompt = Prompt::counted(seed);
        prompt.add(text.as_bytes());
        let (whole, part) = (tally.tokens(), prompt.tokens());
        assert!(part.abs_diff(whole) * 50 < whole, "{part} of {whole}");
    }
}

/// About one token a byte in the tail of what follows, few before.
const DENSE: &str = "#9$x";
const SPARSE: &str = " internationalization";

/// Text of about `bytes` bytes.
fn filled(with: &str, bytes: usize) -> String {
    with.repeat(bytes / with.len())
}

/// Prompts of a number of texts, laid out to be dense where it is not seen.
fn hostile() -> Vec<(&'static str, Vec<String>)> {
    let front = filled("The quick brown fox jumps over it. ", WHOLE + 2000);
    let kib = 1024;
    let stripes = |every: usize, piece: usize| {
        let dense = filled(DENSE, piece);
        let sparse = filled(SPARSE, piece * (every - 1));
        front.clone() + &(sparse + &dense).repeat(400 * kib / piece / every)
    };
    let wedge = front.clone() + &"語".repeat(500) + &filled(DENSE, 400 * kib);
    let mut messages = vec![front.clone()];
    messages.extend((0..8000).map(|n| filled([SPARSE, DENSE][n % 2], 50)));
    let mut long_and_short = vec![front.clone()];
    for _ in 0..100 {
        long_and_short.extend((0..7).map(|_| SPARSE.to_owned()));
        long_and_short.push(filled(DENSE, 2 * kib));
    }
    vec![
        ("a run of CJK, then dense", vec![wedge]),
        (
            "dense, all CJK",
            vec![front.clone() + &filled("語彙目録", 400 * kib)],
        ),
        (
            "dense at the end",
            vec![filled(SPARSE, 300 * kib) + &filled(DENSE, 100 * kib)],
        ),
        ("every second piece", vec![stripes(2, PIECE)]),
        ("every fourth piece", vec![stripes(4, PIECE)]),
        ("every second run", vec![stripes(2, PIECE * RUN)]),
        (
            "every second half of a run",
            vec![stripes(2, PIECE * RUN / 2)],
        ),
        (
            "escapes",
            vec![front.clone() + &filled(r"\ud83e\udd80\\\n\u00e9", 400 * kib)],
        ),
        ("backslashes", vec![front + &filled(r"\\", 400 * kib)]),
        ("many messages", messages),
        ("many short, some long", long_and_short),
    ]
}

/// A caller may choose the layout and not the seed: whatever is laid out, the mean of all
/// seeds is right, and of 1000 seeds the worst is not far off.
#[test]
fn no_layout_is_dense_where_nobody_looks() {
    for (name, texts) in hostile() {
        let mut tally = Tally::default();
        for text in &texts {
            tally.add_json(text.as_bytes());
        }
        let whole = tally.tokens();
        let estimates: Vec<u64> = (0..1000)
            .map(|seed| {
                let mut prompt = Prompt::counted(seed);
                for text in &texts {
                    prompt.add_json(text.as_bytes());
                }
                prompt.tokens()
            })
            .collect();
        let mean = estimates.iter().sum::<u64>() / 1000;
        let least = estimates.iter().min().unwrap();
        let most = estimates.iter().max().unwrap();
        let told = format!("{name}: {least} to {most}, mean {mean}, of {whole}");
        assert!(mean.abs_diff(whole) * 20 < whole, "{told}");
        assert!(least * 4 > whole * 3 && most * 3 < whole * 4, "{told}");
    }
}

/// The widest spread there can be: nothing but one dense piece of each run.
#[test]
fn one_dense_piece_in_eight_is_found_often_enough() {
    let blank = " ".repeat(PIECE * (RUN - 1));
    let text = " ".repeat(WHOLE) + &(blank + &filled(DENSE, PIECE)).repeat(100);
    let mut tally = Tally::default();
    tally.add(text.as_bytes());
    let whole = tally.tokens();
    let of_seed = |seed| {
        let mut prompt = Prompt::counted(seed);
        prompt.add(text.as_bytes());
        prompt.tokens()
    };
    let estimates: Vec<u64> = (0..1000).map(of_seed).collect();
    let mean = estimates.iter().sum::<u64>() / 1000;
    let least = estimates.iter().min().unwrap();
    assert!(mean.abs_diff(whole) * 10 < whole, "{mean} of {whole}");
    assert!(least * 5 > whole * 2, "{least} of {whole}");
}

#[test]
fn one_piece_of_each_run_is_counted_and_each_equally_often() {
    let mut times = [0_u32; RUN];
    for seed in 0..400 {
        let mut places = Places {
            seed,
            ..Places::default()
        };
        let text = vec![b'x'; 10 * RUN * PIECE];
        let (mut rest, mut at, mut counted) = (text.as_slice(), 0, Vec::new());
        while !rest.is_empty() {
            let (stretch, after, counts) = places.take(rest);
            if counts {
                assert_eq!((at % PIECE, stretch.len()), (0, PIECE));
                counted.push(at / PIECE);
            }
            at += stretch.len();
            rest = after;
        }
        let runs: Vec<usize> = counted.iter().map(|piece| piece / RUN).collect();
        assert_eq!(runs, (0..10).collect::<Vec<_>>());
        counted.iter().for_each(|piece| times[piece % RUN] += 1);
    }
    assert!(
        times.iter().all(|times| (400..600).contains(times)),
        "{times:?}"
    );
}

#[test]
fn what_ends_before_a_piece_was_counted_counts_like_the_front() {
    let front = filled(SPARSE, WHOLE);
    for seed in 0..50 {
        let mut prompt = Prompt::counted(seed);
        prompt.add(front.as_bytes());
        let before = prompt.tokens();
        prompt.add(filled(SPARSE, PIECE / 2).as_bytes());
        let more = prompt.tokens() - before;
        let wanted = before * 250 / u64::try_from(WHOLE).unwrap();
        assert!(more.abs_diff(wanted) < 10, "{more} {wanted}");
    }
}

#[test]
fn by_its_length_alone() {
    let mut prompt = Prompt::by_length();
    assert_eq!(prompt.tokens(), 0);
    prompt.add_json(b"12345");
    assert_eq!((prompt.tokens(), prompt.bytes()), (2, 5));
}
