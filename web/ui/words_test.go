package ui_test

import (
	"testing"
	"time"

	"gatehouse/web/ui"
)

func TestInitials(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Grace Hopper": "GH", "grace": "G", "Hubert Blaine the Elder": "HE", "": "?", "<>": "?",
		"<img src=x>": "IX", "山田 太郎": "山太", "  Ada  ": "A", "O'Neil, Tim": "OT", "🏳️‍🌈 👩‍👩‍👧": "🏳", "हिन्दी नाम": "हन", "عمر الخيّام 🦊": "عا",
	} {
		if got := ui.Initials(name); got != want {
			t.Errorf("Initials(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestRelative(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 13, 31, 5, 0, time.UTC)
	for _, c := range []struct {
		ago  time.Duration
		want string
	}{
		{0, "just now"}, {9 * time.Second, "just now"}, {42 * time.Second, "42 s ago"}, {59 * time.Minute, "59 min ago"},
		{47 * time.Hour, "47 h ago"}, {49 * time.Hour, "2 days ago"}, {-34 * time.Minute, "in 34 min"},
		{40 * 24 * time.Hour, "13 Oct 2026"},
	} {
		if got := ui.Relative(now.Add(-c.ago), now); got != c.want {
			t.Errorf("Relative(%s) = %q, want %q", c.ago, got, c.want)
		}
	}
}

func TestDevice(t *testing.T) {
	t.Parallel()
	for ua, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0":                                                                  "Firefox on Linux",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1": "Safari on iPhone",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0":               "Edge on Windows",
		"Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36":                                "Chrome on Android",
		"curl/8.5.0": "curl", "": "Unknown device", "<script>": "Unknown device",
	} {
		if got := ui.Device(ua); got != want {
			t.Errorf("Device(%q) = %q, want %q", ua, got, want)
		}
	}
}

func TestTallySaysHowAReceiptStands(t *testing.T) {
	t.Parallel()
	until := time.Date(2026, 11, 22, 14, 5, 0, 0, time.UTC)
	for _, c := range []struct {
		tally ui.Tally
		want  string
	}{
		{ui.Tally{ui.Verified: 12, ui.Retrying: 1, ui.Alive: 1}, "12 of 14 verified, 1 retrying, 1 alive until 14:05"},
		{ui.Tally{ui.Verified: 2}, "2 of 2 verified"},
		{ui.Tally{ui.Sent: 1200}, "0 of 1,200 verified, 1,200 sent"},
	} {
		if got := c.tally.Words(until); got != c.want {
			t.Errorf("Words() = %q, want %q", got, c.want)
		}
	}
}
