//! The list of all requirements: `list.txt`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// All requirements, and which of them need not be met.
#[derive(Debug, Default)]
pub(crate) struct Families {
    pub(crate) list: Vec<Family>,
    /// Why, by number.
    pub(crate) not_applicable: BTreeMap<String, String>,
}

/// Requirements about the same thing.
#[derive(Debug)]
pub(crate) struct Family {
    /// What their numbers begin with.
    pub(crate) code: String,
    pub(crate) title: String,
    pub(crate) requirements: Vec<Requirement>,
}

#[derive(Debug)]
pub(crate) struct Requirement {
    pub(crate) id: String,
    pub(crate) role: Role,
    pub(crate) title: String,
}

/// Who has to meet a requirement: the side that dials, the one that is dialled, or either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
    Both,
}

/// The list; it is read once.
pub(crate) fn families() -> &'static Families {
    static FAMILIES: LazyLock<Families> = LazyLock::new(|| Families::parse(include_str!("list.txt")));
    &FAMILIES
}

impl Families {
    /// Panics where the text is not such a list.
    pub(crate) fn parse(text: &str) -> Families {
        let mut families = Families::default();
        let mut applicable = true;
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let heading = line.strip_prefix('[').and_then(|line| line.strip_suffix(']'));
            if let Some(heading) = heading {
                applicable = heading != "not applicable";
                if applicable {
                    let (code, title) = cut(heading);
                    families.list.push(Family { code: code.to_owned(), title: title.to_owned(), requirements: vec![] });
                }
                continue;
            }
            let (id, rest) = cut(line);
            if applicable {
                let (role, title) = cut(rest);
                let requirement = Requirement { id: id.to_owned(), role: Role::parse(role), title: title.to_owned() };
                families.list.last_mut().expect("a family").requirements.push(requirement);
            } else {
                let other = families.not_applicable.insert(id.to_owned(), rest.to_owned());
                assert!(other.is_none(), "{id} has two reasons");
            }
        }
        families
    }
}

impl Role {
    fn parse(text: &str) -> Role {
        match text {
            "client" => Role::Client,
            "server" => Role::Server,
            "both" => Role::Both,
            _ => panic!("{text:?} is no role"),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Role::Client => "client",
            Role::Server => "server",
            Role::Both => "both",
        }
    }
}

/// The first word of a line, and the others.
fn cut(line: &str) -> (&str, &str) {
    let (first, rest) = line.split_once(' ').unwrap_or_else(|| panic!("{line:?} lacks a part"));
    (first, rest.trim_start())
}
