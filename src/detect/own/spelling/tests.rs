use super::super::super::Search;
use super::super::super::search::testing::{found, found_however_cut};
use super::*;
use proptest::prelude::*;

fn search(list: &[&str]) -> Search {
    let list: Vec<String> = list.iter().map(|phrase| (*phrase).to_owned()).collect();
    Search {
        phrases: Some(Rc::new(Phrases::new(&list).unwrap())),
        ..Search::default()
    }
}

/// What is found of the phrases, however the text is cut.
#[track_caller]
fn of<'t>(list: &[&str], text: &'t str) -> Vec<(u16, &'t str)> {
    let hits = found_however_cut(&search(list), text);
    let hits = hits.into_iter().map(|(what, start, end)| match what {
        What::Phrase(index) => (index, &text[start..end]),
        other => panic!("{other:?}"),
    });
    hits.collect()
}

#[test]
fn a_phrase_is_found_in_any_spelling() {
    for spelling in [
        "Project Falcon",
        "PROJECT FALCON",
        "project\u{a0}\n  falcon",
        "ProjectFalcon",
        "project-falcon",
        "project_falcon",
        "**Project** **Falcon**",
        "Pr0j3ct F4lc0n",
        "\u{ff30}roject\u{3000}\u{ff26}alcon",
        "Рrоjесt Fаlсоn",
        "Ρrοject Fαlcon",
        "P\u{200b}roject Fal\u{ad}con",
        "Próject Fa\u{301}lcon",
        "p r o j e c t f a l c o n",
        "p.r.o.j.e.c.t - f.a.l.c.o.n",
        "P  r  o  j  e  c  t    F  a  l  c  o  n",
        "𝐏𝐫𝐨𝐣𝐞𝐜𝐭 𝐅𝐚𝐥𝐜𝐨𝐧",
        "🇵 🇷 🇴 🇯 🇪 🇨 🇹 🇫 🇦 🇱 🇨 🇴 🇳",
    ] {
        for text in [
            spelling.to_owned(),
            format!("the {spelling}, and"),
            format!("a\"{spelling}\"."),
            format!("pro project {spelling}!"),
        ] {
            let hits = of(&["Project Falcon"], &text);
            let hits: Vec<_> = hits.iter().map(|hit| hit.1.trim_matches('*')).collect();
            assert_eq!(hits, [spelling.trim_matches('*')], "{text}");
        }
    }
}

#[test]
fn gaps_within_words_and_parts_of_words_are_none() {
    for text in [
        "pro ject falcon",
        "p r o j e c t falcon",
        "projects falcon",
        "aproject falcon",
        "project falcons",
        "project the falcon",
        "project falcon2",
        "project falco",
        "roject falcon",
        "p r o j e c t f a l con",
    ] {
        assert_eq!(of(&["Project Falcon"], text), [], "{text}");
    }
    let far = format!("project{}falcon", " ".repeat(65));
    assert_eq!(of(&["Project Falcon"], &far), []);
    let near = format!("project{}falcon", " ".repeat(64));
    assert_eq!(of(&["Project Falcon"], &near).len(), 1);
}

#[test]
fn scripts_without_spaces_need_none() {
    assert_eq!(
        of(&["비밀 프로젝트"], "이 비밀프로젝트를 보라"),
        [(0, "비밀프로젝트")]
    );
    assert_eq!(of(&["機密計画"], "これは機密計画です。"), [(0, "機密計画")]);
    assert_eq!(of(&["ความลับ"], "นี่คือความลับของเรา"), [(0, "ความลับ")]);
    assert_eq!(of(&["falcon계획"], "the falcon 계획은"), []);
    assert_eq!(
        of(&["falcon 계획"], "the falcon계획은"),
        [(0, "falcon계획")]
    );
}

#[test]
fn case_counts_for_nothing_in_any_script() {
    assert_eq!(of(&["Проект Йод"], "ПРОЕКТ ЙОД"), [(0, "ПРОЕКТ ЙОД")]);
    for text in ["Νίκη", "ΝΙΚΗ", "νίκη", "ΝΊΚΗ"] {
        assert_eq!(of(&["νίκη"], text), [(0, text)]);
        assert_eq!(of(&["ΝΙΚΗ"], text), [(0, text)]);
    }
    assert_eq!(of(&["Maßstab"], "MASSSTAB"), [(0, "MASSSTAB")]);
    assert_eq!(of(&["office"], "o\u{fb03}ce"), [(0, "o\u{fb03}ce")]);
    assert_eq!(of(&["oaf"], "oa\u{fb01}"), []);
}

#[test]
fn each_phrase_is_found_by_itself() {
    let list = ["falcon", "project falcon", "falcon heavy", "con", "Falcon"];
    assert_eq!(
        of(&list, "project falcon heavy"),
        [
            (1, "project falcon"),
            (0, "falcon"),
            (2, "falcon heavy"),
            (4, "falcon")
        ]
    );
    let repeated = of(&["aba aba"], "aba aba aba");
    assert_eq!(repeated, [(0, "aba aba"), (0, "aba aba")]);
    assert_eq!(
        of(&["ab cde", "abc de"], "ab cde abc de abcde a b c d e").len(),
        6
    );
}

#[track_caller]
fn settled(list: &[&str], text: &str) -> usize {
    let list: Vec<String> = list.iter().map(|phrase| (*phrase).to_owned()).collect();
    let mut spelling = Spelling::new(Rc::new(Phrases::new(&list).unwrap()));
    spelling.push(text, &mut Vec::new());
    spelling.settled()
}

#[test]
fn text_is_held_only_while_a_phrase_can_come() {
    for (text, upto) in [
        ("the pro", 4),
        ("the prox", 8),
        ("the pro ", 8),
        ("the project ", 4),
        ("the project x", 13),
        ("apro", 4),
        ("the project falcon", 4),
        ("the project falcon ", 19),
        ("the p r o", 4),
        ("the p ro", 8),
        ("the project p", 12),
        ("the project projec", 12),
    ] {
        assert_eq!(settled(&["project falcon"], text), upto, "{text:?}");
    }
}

#[test]
fn what_is_wrong_is_told() {
    for phrase in ["", "ab", "a-b!", "계", &"ab".repeat(65)] {
        let list = [String::from("good one"), String::from(phrase)];
        let problems = Phrases::new(&list).unwrap_err();
        assert_eq!(problems.len(), 1, "{phrase}");
        assert_eq!(problems[0].0, 1);
    }
    assert_eq!(
        Phrases::new(&vec![String::from("abc"); 4096])
            .unwrap()
            .len(),
        4096
    );
    assert!(Phrases::new(&vec![String::from("abc"); 4097]).is_err());
    assert!(Phrases::new(&[]).unwrap().is_empty());
}

/// Three steps a letter, and one for each front that a word ends with.
#[test]
fn steps_are_bounded_by_the_length() {
    let mut list: Vec<String> = (3..=128).map(|length| "a".repeat(length)).collect();
    list.push(format!("{}b", "a ".repeat(100)));
    let phrases = Rc::new(Phrases::new(&list).unwrap());
    for unit in [
        "a",
        "a ",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ",
        "ab",
        " ",
    ] {
        let text = unit.repeat(8192 / unit.len());
        let mut spelling = Spelling::new(Rc::clone(&phrases));
        let mut hits = Vec::new();
        spelling.push(&text, &mut hits);
        spelling.finish(&mut hits);
        let words = text.split(' ').count();
        let bound = 3 * text.len() + words * LONGEST;
        assert!(
            spelling.steps <= bound,
            "{unit}: {} of {bound}",
            spelling.steps
        );
    }
}

proptest! {
    #[test]
    fn cuts_change_nothing(
        text in "[abс \u{301}ß.가]{0,60}",
        cuts in proptest::collection::vec(0_usize..120, 0..6),
    ) {
        let search = search(&["ab cab", "aba", "b a b", "가ab", "cссa", "a b c a"]);
        let mut at: Vec<usize> = cuts.into_iter().filter(|at| text.is_char_boundary(*at)).collect();
        at.extend([0, text.len()]);
        at.sort_unstable();
        let pieces = at.windows(2).map(|pair| &text[pair[0]..pair[1]]);
        prop_assert_eq!(found(&search, pieces), found(&search, [text.as_str()]));
    }

    /// The same as the rule says, tried at every place.
    #[test]
    fn it_is_what_the_rule_says(text in "[ab .]{0,30}") {
        let list = ["ab ba", "aab", "a b a"];
        let mut expected = Vec::new();
        for start in 0..text.len() {
            for end in start + 1..=text.len() {
                let part = &text[start..end];
                let is_letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
                let free = !is_letter(text[..start].chars().next_back()) && !is_letter(text[end..].chars().next());
                if !free || !is_letter(part.chars().next()) || !is_letter(part.chars().next_back()) {
                    continue;
                }
                let letters: String = part.chars().filter(|c| c.is_alphabetic()).collect();
                let gaps = |text: &str| -> Vec<bool> {
                    let bytes = text.as_bytes();
                    let letters = (1..bytes.len()).filter(|at| bytes[*at].is_ascii_alphabetic());
                    letters.map(|at| !bytes[at - 1].is_ascii_alphabetic()).collect()
                };
                for (phrase, index) in list.iter().zip(0..) {
                    let same = letters == phrase.replace(' ', "");
                    let (has, may) = (gaps(part), gaps(phrase));
                    let fits = same && (has.iter().all(|gap| *gap) || has.iter().zip(&may).all(|(has, may)| !has || *may));
                    if fits {
                        expected.push((What::Phrase(index), start, end));
                    }
                }
            }
        }
        expected.sort_by_key(|one| (one.1, one.0, one.2));
        prop_assert_eq!(found(&search(&list), [text.as_str()]), expected);
    }
}
