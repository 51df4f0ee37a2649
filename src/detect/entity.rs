/*! What can be found, by Presidio's names where it has one. */

use std::fmt;

macro_rules! entities {
    ($($group:ident { $($(#[$doc:meta])* $variant:ident $name:literal,)* })*) => {
        /// A kind of personal data or secret.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Entity {
            $($($(#[$doc])* $variant,)*)*
        }

        impl Entity {
            /// All of them.
            pub const ALL: &'static [Self] = &[$($(Self::$variant,)*)*];

            /// The name in policies, masks and findings.
            pub const fn name(self) -> &'static str {
                match self {
                    $($(Self::$variant => $name,)*)*
                }
            }

            /// Where it belongs.
            pub const fn group(self) -> Group {
                match self {
                    $($(Self::$variant)|* => Group::$group,)*
                }
            }

            const fn bit(self) -> u128 {
                1 << (self as u8)
            }
        }
    };
}

/// What a policy asks for by one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// `personal_data`: says who somebody is, or how to reach or charge them.
    Personal,
    /// `secrets`: opens something.
    Secret,
    /// Only by its own name.
    Other,
}

entities! {
    Personal {
        /// An e-mail address.
        EmailAddress "EMAIL_ADDRESS",
        /// A telephone number, international or national.
        PhoneNumber "PHONE_NUMBER",
        /// A payment card number.
        CreditCard "CREDIT_CARD",
        /// An international bank account number.
        IbanCode "IBAN_CODE",
        /// An IPv4 or IPv6 address, with its prefix length or zone.
        IpAddress "IP_ADDRESS",
        /// A hardware address.
        MacAddress "MAC_ADDRESS",
        /// An address of Bitcoin or Ethereum.
        Crypto "CRYPTO",
        /// A date of birth, where the text calls it one.
        DateOfBirth "DATE_OF_BIRTH",
        /// A social security number of the United States.
        UsSsn "US_SSN",
        /// A taxpayer number of the United States for those without a social security number.
        UsItin "US_ITIN",
        /// A passport number of the United States, where the text calls it one.
        UsPassport "US_PASSPORT",
        /// A number of US healthcare providers.
        UsNpi "US_NPI",
        /// A Medicare beneficiary identifier.
        UsMbi "US_MBI",
        /// A DEA number of US prescribers.
        MedicalLicense "MEDICAL_LICENSE",
        /// A patient's number, where the text calls it one.
        MedicalRecordNumber "MEDICAL_RECORD_NUMBER",
        /// A US bank account number, where the text calls it one.
        UsBankNumber "US_BANK_NUMBER",
        /// A routing number of US banks.
        AbaRoutingNumber "ABA_ROUTING_NUMBER",
        /// A bank's SWIFT code, where the text calls it one.
        SwiftBic "SWIFT_BIC",
        /// A number of the National Health Service.
        UkNhs "UK_NHS",
        /// A British National Insurance number.
        UkNino "UK_NINO",
        /// A German tax number of persons.
        DeTaxId "DE_TAX_ID",
        /// A French social security number.
        FrNir "FR_NIR",
        /// A Spanish identity number.
        EsNif "ES_NIF",
        /// A Spanish identity number of foreigners.
        EsNie "ES_NIE",
        /// An Italian fiscal code.
        ItFiscalCode "IT_FISCAL_CODE",
        /// A Polish person number.
        PlPesel "PL_PESEL",
        /// A Dutch citizen number.
        NlBsn "NL_BSN",
        /// A Swedish person number.
        SePersonnummer "SE_PERSONNUMMER",
        /// A Finnish personal identity code.
        FiPersonalIdentityCode "FI_PERSONAL_IDENTITY_CODE",
        /// An Indian Aadhaar number.
        InAadhaar "IN_AADHAAR",
        /// An Indian tax account number.
        InPan "IN_PAN",
        /// An Australian business number.
        AuAbn "AU_ABN",
        /// An Australian tax file number.
        AuTfn "AU_TFN",
        /// An Australian Medicare number.
        AuMedicare "AU_MEDICARE",
        /// A Singaporean identity number.
        SgNricFin "SG_NRIC_FIN",
        /// A Korean resident number.
        KrRrn "KR_RRN",
        /// A Korean number of foreign residents.
        KrFrn "KR_FRN",
        /// A Korean business number.
        KrBrn "KR_BRN",
        /// A Brazilian person number.
        BrCpf "BR_CPF",
        /// A Brazilian company number.
        BrCnpj "BR_CNPJ",
        /// A Canadian social insurance number.
        CaSin "CA_SIN",
        /// A Turkish identity number.
        TrNationalId "TR_NATIONAL_ID",
        /// A Thai identity number.
        ThTnin "TH_TNIN",
        /// A South African identity number.
        ZaIdNumber "ZA_ID_NUMBER",
    }
    Secret {
        /// A key or token whose form says whose it is.
        ApiKey "API_KEY",
        /// A JSON Web Token.
        Jwt "JWT",
        /// A private key in PEM.
        PrivateKey "PRIVATE_KEY",
        /// A URL with a password in it.
        ConnectionString "CONNECTION_STRING",
        /// What is assigned to a name such as `password` or `api_key`.
        SecretValue "SECRET_VALUE",
    }
    Other {
        /// A web address.
        Url "URL",
    }
}

impl Entity {
    /// The one with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|entity| entity.name() == name)
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Some of the entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Entities(u128);

impl Entities {
    /// All there are.
    pub fn all() -> Self {
        Entity::ALL.iter().copied().collect()
    }

    /// Those of a group.
    pub fn of(group: Group) -> Self {
        let members = Entity::ALL.iter().copied();
        members.filter(|entity| entity.group() == group).collect()
    }

    /// Whether `entity` is one of them.
    pub const fn has(self, entity: Entity) -> bool {
        self.0 & entity.bit() != 0
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Entity> for Entities {
    fn from_iter<I: IntoIterator<Item = Entity>>(entities: I) -> Self {
        let add = |set: u128, entity: Entity| set | entity.bit();
        Self(entities.into_iter().fold(0, add))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entity_has_a_bit_and_a_name_of_its_own() {
        assert!(Entity::ALL.len() <= 128);
        let mut names: Vec<_> = Entity::ALL.iter().map(|entity| entity.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Entity::ALL.len());
        for entity in Entity::ALL {
            assert_eq!(Entity::named(entity.name()), Some(*entity));
            assert!(Entities::all().has(*entity));
            let others = Entity::ALL.iter().copied().filter(|other| other != entity);
            assert!(!others.collect::<Entities>().has(*entity));
        }
    }
}
