/*! Where a holder's counters are. */

use super::Book;
use super::meter::Meter;
use super::record::{Record, VERSION};
use super::users::{self, Room, User, Whose};
use crate::state::{self, Exhausted};
use std::rc::Rc;

/// Whose limits they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A tenant, by name.
    Tenant(String),
    /// A virtual model, whoever calls it.
    Model(String),
    /// A user of a tenant.
    User {
        /// The tenant.
        tenant: String,
        /// The user; empty for calls that name nobody.
        name: String,
    },
}

/// The limits of one holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Whose they are.
    pub holder: Holder,
    /// What is counted of it.
    pub meters: Rc<[Meter]>,
}

impl Scope {
    pub(super) fn place(&self) -> Place {
        match &self.holder {
            Holder::Tenant(name) => Place {
                name: format!("{TENANT}{name}"),
                user: None,
            },
            Holder::Model(name) => Place {
                name: format!("{MODEL}{name}"),
                user: None,
            },
            Holder::User { tenant, name } => Place::of_user(User::of(tenant, name)),
        }
    }
}

pub(super) const TENANT: &str = "ledger/tenant/";
pub(super) const MODEL: &str = "ledger/model/";
pub(super) const USERS: &str = "ledger/users/";

/// A record, or a user's part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The name of the shared record.
    pub(super) name: String,
    /// Whose part of it.
    pub(super) user: Option<User>,
}

impl Place {
    pub(super) fn of_user(user: User) -> Self {
        Self {
            name: format!("{USERS}{}", user.shard),
            user: Some(user),
        }
    }

    /// Changes what is there; returns where it was in truth: users for whom there is no room
    /// share a record. For a user, `meters` say how much room is needed.
    ///
    /// # Errors
    /// [`Exhausted`] if others won every round; inside, what `change` says.
    pub(super) fn change<R, E>(
        &self,
        book: &Book<'_>,
        meters: &[Meter],
        mut change: impl FnMut(&mut Record<'_>, Whose) -> Result<R, E>,
    ) -> Result<Result<(R, Self), E>, Exhausted> {
        let now_ms = book.now_ms();
        let room = Room {
            meters,
            bytes: book.shard_bytes,
        };
        state::try_update(book.host, &book.space.key(&self.name), |old| {
            let old = body(old);
            let (bytes, result, place) = match self.user {
                None => {
                    let mut record = Record::decode(old);
                    let result = change(&mut record, Whose::Own)?;
                    let mut bytes = Vec::with_capacity(old.len().saturating_add(32));
                    record.encode(now_ms, &mut bytes);
                    (bytes, result, self.clone())
                }
                Some(user) => {
                    let changed = users::change(old, user, &room, now_ms, &mut change);
                    let (bytes, result, whose) = changed?;
                    (bytes, result, Self::of_user(whose))
                }
            };
            Ok((versioned(&bytes), (result, place)))
        })
    }

    /// Changes the record of exactly this user; `None`: there is none, or it is no user's place.
    ///
    /// # Errors
    /// [`Exhausted`] if others won every round.
    pub(super) fn change_known<R>(
        &self,
        book: &Book<'_>,
        mut change: impl FnMut(&mut Record<'_>) -> R,
    ) -> Result<Option<R>, Exhausted> {
        let now_ms = book.now_ms();
        let changed = state::try_update(book.host, &book.space.key(&self.name), |old| {
            let user = self.user.ok_or(())?;
            let changed = users::change_known(body(old), user, now_ms, &mut change);
            let (bytes, result) = changed.ok_or(())?;
            Ok::<_, ()>((versioned(&bytes), result))
        })?;
        Ok(changed.ok())
    }

    /// Shows what is there.
    pub(super) fn read<R>(&self, book: &Book<'_>, see: impl FnOnce(&Record<'_>) -> R) -> R {
        let found = book.host.shared_get(&book.space.key(&self.name));
        let bytes = body(found.as_ref().map(|(bytes, _)| bytes.as_slice()));
        see(&match self.user {
            None => Record::decode(bytes),
            Some(user) => users::read(bytes, user),
        })
    }
}

/// What follows the version byte. All layouts so far are read alike: see [`Record`].
pub(super) fn body(bytes: Option<&[u8]>) -> &[u8] {
    bytes.and_then(|bytes| bytes.get(1..)).unwrap_or_default()
}

pub(super) fn versioned(body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len().saturating_add(1));
    bytes.push(VERSION);
    bytes.extend_from_slice(body);
    bytes
}
