package rest

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"logbook/internal/auth"
	"logbook/internal/fault"
)

// TestEveryRouteDeclaresItsNeed walks the route tables: a line that forgets who
// may call it is red here, and open to nobody at run time.
func TestEveryRouteDeclaresItsNeed(t *testing.T) {
	t.Parallel()
	known := map[string]bool{"GET": true, "POST": true, "PUT": true, "PATCH": true, "DELETE": true}
	for _, d := range dialects(nil, nil) {
		seen := map[string]bool{}
		for _, line := range d.routes() {
			name := line.method + " " + line.path
			switch {
			case line.need == nil:
				t.Errorf("%s declares no need", name)
			case !known[line.method]:
				t.Errorf("%s: the mount serves no such method", name)
			case line.serve == nil:
				t.Errorf("%s has no handler", name)
			case !strings.HasPrefix(line.path+"/", d.base()):
				t.Errorf("%s lies outside %s", name, d.base())
			case seen[strings.TrimSuffix(name, "/")]:
				t.Errorf("%s stands twice", name)
			}
			seen[strings.TrimSuffix(name, "/")] = true
		}
	}
}

// TestGateStaysShut holds that a route without a need lets not even an
// administrator in.
func TestGateStaysShut(t *testing.T) {
	t.Parallel()
	ctx := auth.System(t.Context(), "test")
	if err := gate(ctx, route{method: http.MethodGet, path: "/forgotten/"}); err == nil {
		t.Error("a route that declares no need let an administrator in")
	}
	if err := gate(ctx, route{need: &auth.Need{Role: auth.Admin}}); err != nil {
		t.Errorf("an administrator was refused: %v", err)
	}
	often := auth.WithAdmission(ctx, func(context.Context) error { return fault.New(fault.TooMany, "too often") })
	for _, need := range []*auth.Need{anybody, {}} {
		if err := gate(often, route{need: need}); fault.KindOf(err) != fault.TooMany {
			t.Errorf("a caller who asks too often gets %v", err)
		}
	}
}
