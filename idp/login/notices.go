package login

import "gatehouse/idp"

// notice is a mail that tells a person what has happened to what they sign in
// with. It belongs into the change that it tells of.
func (l *Login) notice(kind idp.MailKind, u idp.User) idp.Mail { return idp.NewMail(kind, u, l.now()) }

// passkeyNotice names the passkey that it is about.
func (l *Login) passkeyNotice(kind idp.MailKind, u idp.User, c idp.Credential) idp.Mail {
	m := l.notice(kind, u)
	m.Data = map[string]string{"passkey": c.Name}
	return m
}

// removalNotice tells somebody that an owner took a credential of theirs away.
func (l *Login) removalNotice(u idp.User, c idp.Credential) idp.Mail {
	switch c.Kind {
	case idp.CredentialPasskey:
		return l.passkeyNotice(idp.MailPasskeyRemoved, u, c)
	case idp.CredentialPassword:
		return l.notice(idp.MailPasswordRemoved, u)
	}
	return l.notice(idp.MailFactorsReset, u)
}

// unused counts the recovery codes that were not used.
func unused(all []idp.Credential) int {
	n := 0
	for _, c := range all {
		if c.Kind == idp.CredentialRecovery && c.Mark == 0 {
			n++
		}
	}
	return n
}
