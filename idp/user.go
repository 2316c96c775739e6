package idp

import "time"

// UserStatus is whether a user may hold passes.
type UserStatus string

const (
	UserActive    UserStatus = "active"
	UserSuspended UserStatus = "suspended"
)

// Role is what a user may do at Gatehouse itself (not in apps).
type Role string

const (
	RoleOwner    Role = "owner"    // console and admin API
	RoleEmployee Role = "employee" // portal only
)

// User is a person of the organisation.
type User struct {
	ID          UserID
	Username    string // canonical: PRECIS UsernameCaseMapped; unique
	Email       string // canonical: lower case; unique when not empty
	DisplayName string
	GivenName   string
	FamilyName  string
	Language    string // of the pages, BCP 47; empty: what the browser prefers
	Role        Role
	Status      UserStatus
	// Epoch is the revocation counter: it only goes up. A pass that carries
	// another epoch is dead for ever.
	Epoch       int64
	SuspendedAt time.Time // zero while active
	// DeletionAskedAt is when the person asked to be deleted; zero: they have not.
	DeletionAskedAt time.Time
	CreatedAt       time.Time
	UpdatedAt       time.Time
	Version         int64 // 0 = not yet stored
}

// Name returns the best name to show: display name, else given and family
// name, else username.
func (u User) Name() string {
	switch {
	case u.DisplayName != "":
		return u.DisplayName
	case u.GivenName != "" && u.FamilyName != "":
		return u.GivenName + " " + u.FamilyName
	case u.GivenName != "":
		return u.GivenName
	}
	return u.Username
}

// Group is a named set of users.
type Group struct {
	ID        GroupID
	Name      string // unique
	CreatedAt time.Time
	Version   int64
}

// Membership is a user's place in a group.
type Membership struct {
	GroupID GroupID
	UserID  UserID
	SinceAt time.Time
}
