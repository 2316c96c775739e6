package portal

import (
	"fmt"
	"image/color"
	"strings"
	"testing"

	"github.com/boombuler/barcode/qr"
)

// TestAQRCodeHasEachModule that it is to have, in a path that keeps its page light.
func TestAQRCodeHasEachModule(t *testing.T) {
	t.Parallel()
	text := "otpauth://totp/id.example:grace?algorithm=SHA1&digits=6&issuer=id.example&period=30&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	want, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		t.Fatal(err)
	}
	got, err := drawQR(text)
	if err != nil {
		t.Fatal(err)
	}
	drawn := map[[2]int]bool{}
	for run := range strings.SplitSeq(strings.TrimSuffix(got.Path, "z"), "z") {
		var x, y, n, back int
		if _, err := fmt.Sscanf(run, "M%d %dh%dv1h-%d", &x, &y, &n, &back); err != nil || n != back {
			t.Fatalf("%q: %v", run, err)
		}
		for i := range n {
			drawn[[2]int{x + i - qrMargin, y - qrMargin}] = true
		}
	}
	side := want.Bounds().Dx()
	for y := range side {
		for x := range side {
			if dark := want.At(x, y) == color.Black; dark != drawn[[2]int{x, y}] {
				t.Fatalf("the module at %d, %d is dark: %v", x, y, !dark)
			}
		}
	}
	if got.Side != side+2*qrMargin || len(got.Path) > 10_000 {
		t.Errorf("%d modules a side, %d bytes", got.Side, len(got.Path))
	}
}
