package api

// Patterns lists the routes, so that a test over them misses none.
func (a *API) Patterns() []string {
	return each(a.routes(), func(rt route) string { return rt.pattern })
}
