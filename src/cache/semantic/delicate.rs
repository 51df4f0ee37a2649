/*! Questions that signs and capitals could make others, where words do not: arithmetic, code, units.
They are never taken for other questions. */

/// Whether a question is such a one.
pub(super) fn delicate(question: &str) -> bool {
    let chars: Vec<char> = question.chars().collect();
    let at = |place: Option<usize>| place.and_then(|place| chars.get(place)).copied();
    let signs = chars.iter().enumerate().any(|(place, sign)| {
        let near = (at(place.checked_sub(1)), at(place.checked_add(1)));
        is_delicate_sign(*sign, near)
    });
    signs || has_unit(question)
}

/// Whether a sign between these two says something that is no matter of style.
fn is_delicate_sign(sign: char, (before, behind): (Option<char>, Option<char>)) -> bool {
    if !is_passed_over(sign) {
        return false;
    }
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    let is_gap = |c: Option<char>| c.is_none_or(char::is_whitespace);
    let counts = |c: Option<char>| c.is_some_and(|c| c.is_numeric() || is_operator(c));
    match sign {
        // The end of a sentence that ends with a number.
        '.' | '?' if is_gap(behind) => before.is_some_and(is_operator),
        // A decimal number.
        '.' if before.is_some_and(char::is_numeric) => false,
        '-' => is_gap(before) && is_word(behind),
        '(' | '[' => counts(before) || counts(behind) || matches!(behind, Some(')' | ']')),
        _ => counts(before) || counts(behind),
    }
}

/// Signs that are none of the words that are compared.
fn is_passed_over(sign: char) -> bool {
    let ascii = ".!?:;\"'`()[]-".contains(sign);
    ascii || matches!(sign, '\u{2010}'..='\u{2015}')
}

fn is_operator(sign: char) -> bool {
    !sign.is_alphanumeric()
        && !sign.is_whitespace()
        && !is_passed_over(sign)
        && sign.is_ascii()
        && sign != ','
}

/// Whether a short word behind a number has a capital: `MB` and `Mb` are two.
fn has_unit(question: &str) -> bool {
    let mut number = false;
    question
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .any(|word| {
            let unit = word.trim_start_matches(char::is_numeric);
            let behind = number || unit.len() < word.len();
            number = unit.is_empty();
            let short = (1..=3).contains(&unit.chars().count());
            behind && short && unit.chars().any(char::is_uppercase)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_code_and_units_are_delicate() {
        for question in [
            "Is .5 mg of lorazepam safe?",
            "Is \u{2013}5 \u{b0}C too cold?",
            "What is (2 + 3) * 4?",
            "What is 5! + 3?",
            "What does != mean in Python?",
            "What is [] in Python?",
            "What is () in Python?",
            "Is it 6:2?",
            "What is 5' in cm?",
            "What does curl -o do?",
            "What does git branch -D do?",
            "How long does 100 MB take?",
            "How long does 100Mb take?",
        ] {
            assert!(delicate(question), "{question}");
        }
    }

    #[test]
    fn most_questions_are_not() {
        for question in [
            "What is the capital of France?",
            "Is it open on May 3?",
            "Is 3.5 enough?",
            "Isn't it well-known (in Python)?",
            "Tell me: how old is she? Please!",
            "Is 5 mg of lorazepam safe?",
            "\"Dune\" - who wrote it?",
        ] {
            assert!(!delicate(question), "{question}");
        }
    }
}
