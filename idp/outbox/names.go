package outbox

import "gatehouse/idp"

// byAllNames returns p, and p once more under each other name that its app was
// told in its session, which are among told: a LogoutRequest by one name ends
// nothing that was opened by another.
func byAllNames(p idp.Participant, told []idp.Participant) []idp.Participant {
	all := []idp.Participant{p}
	for _, name := range told {
		if name.SessionID == p.SessionID && name.AppID == p.AppID && name.NameID != p.NameID {
			q := p
			q.NameID, q.Also = name.NameID, true
			all = append(all, q)
		}
	}
	return all
}
