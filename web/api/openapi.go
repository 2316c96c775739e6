package api

import (
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"time"

	"gatehouse/web/api/client"
)

// openAPI serves the OpenAPI document, made from the table of routes and the
// shapes on the wire, so that it cannot say anything else than the code.
func (a *API) openAPI(*http.Request, caller) (int, any, error) {
	s := schemas{}
	paths := map[string]map[string]any{}
	for _, rt := range a.routes() {
		method, path, _ := strings.Cut(rt.pattern, " ")
		if paths[path] == nil {
			paths[path] = map[string]any{}
		}
		paths[path][strings.ToLower(method)] = s.operation(rt, path)
	}
	return http.StatusOK, map[string]any{
		"openapi": "3.1.0",
		"info":    map[string]any{"title": "Gatehouse admin API", "version": "1"},
		"servers": []any{map[string]any{"url": a.URL.String()}},
		"paths":   paths,
		"components": map[string]any{
			"schemas":         s,
			"securitySchemes": map[string]any{"token": map[string]any{"type": "http", "scheme": "bearer"}},
		},
	}, nil
}

var parameter = regexp.MustCompile(`\{(\w+)\}`)

// operation describes one route.
func (s schemas) operation(rt route, path string) map[string]any {
	op := map[string]any{"summary": rt.summary, "responses": map[string]any{
		"2XX":     content("application/json", "done", s.of(rt.out)),
		"default": content("application/problem+json", "refused, with the reason", s.of(client.Problem{})),
	}}
	if rt.access != anyone {
		op["security"] = []any{map[string]any{"token": []any{}}}
	}
	if rt.in != nil {
		op["requestBody"] = content("application/json", "", s.of(rt.in))
	}
	var params []any
	for _, m := range parameter.FindAllStringSubmatch(path, -1) {
		params = append(params, map[string]any{"name": m[1], "in": "path", "required": true, "schema": map[string]any{"type": "string"}})
	}
	for _, name := range narrows(rt.pattern) {
		params = append(params, map[string]any{"name": name, "in": "query", "schema": map[string]any{"type": "string"}})
	}
	if params != nil {
		op["parameters"] = params
	}
	return op
}

func content(mime, description string, schema map[string]any) map[string]any {
	out := map[string]any{}
	if description != "" {
		out["description"] = description
	}
	if schema != nil {
		out["content"] = map[string]any{mime: map[string]any{"schema": schema}}
	}
	return out
}

// schemas collects the named shapes that operations refer to.
type schemas map[string]any

func (s schemas) of(v any) map[string]any {
	if v == nil {
		return nil
	}
	return s.typeOf(reflect.TypeOf(v))
}

var generic = regexp.MustCompile(`^Page\[.*\.(\w+)\]$`)

func (s schemas) typeOf(t reflect.Type) map[string]any {
	switch t.Kind() {
	case reflect.Pointer:
		return s.typeOf(t.Elem())
	case reflect.Slice:
		return map[string]any{"type": "array", "items": s.typeOf(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": s.typeOf(t.Elem())}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return map[string]any{"type": "integer"}
	case reflect.Interface:
		return map[string]any{} // any JSON value
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return map[string]any{"type": "string", "format": "date-time"}
		}
		return s.named(t)
	}
	return map[string]any{"type": "string"}
}

func (s schemas) named(t reflect.Type) map[string]any {
	name := generic.ReplaceAllString(t.Name(), "${1}Page")
	if _, known := s[name]; !known {
		s[name] = nil // a shape may contain itself
		properties, required := map[string]any{}, []string{}
		for _, f := range reflect.VisibleFields(t) {
			tag, optional := strings.CutSuffix(f.Tag.Get("json"), ",omitempty")
			if tag == "" {
				continue
			}
			properties[tag] = s.typeOf(f.Type)
			if !optional {
				required = append(required, tag)
			}
		}
		s[name] = map[string]any{"type": "object", "properties": properties, "required": required}
	}
	return map[string]any{"$ref": "#/components/schemas/" + name}
}
