package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxAnswer bounds what the client reads of one answer, in bytes.
const maxAnswer = 32 << 20

// Client calls the admin API of one house with one token. The zero HTTP is a
// client with a 30 s limit.
type Client struct {
	URL   string // the house's public URL
	Token string
	HTTP  *http.Client
}

// Do sends in (nil: no body) to path below /api/v1 and decodes the answer
// into out (nil: ignored). A refusal is a [*Problem]; anything else that goes
// wrong names the URL.
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode the request: %w", err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.URL, "/")+"/api/v1"+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	req.Header.Set("Accept", "application/json")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	httpClient := c.HTTP
	if httpClient == nil {
		httpClient = &http.Client{Timeout: 30 * time.Second}
	}
	res, err := httpClient.Do(req)
	if err != nil {
		return fmt.Errorf("reach Gatehouse: %w", err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", req.URL.Path, err)
	}
	if res.StatusCode >= 400 {
		return problem(res, raw)
	}
	if out == nil || res.StatusCode == http.StatusNoContent {
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("understand the answer of %s: %w", req.URL.Path, err)
	}
	return nil
}

func problem(res *http.Response, raw []byte) error {
	var p Problem
	if json.Unmarshal(raw, &p) != nil || p.Title == "" {
		return fmt.Errorf("%s answered %s and it is not Gatehouse's API: check the URL", res.Request.URL.Host, res.Status)
	}
	return &p
}

func get[T any](ctx context.Context, c *Client, path string) (T, error) {
	var out T
	err := c.Do(ctx, http.MethodGet, path, nil, &out)
	return out, err
}

func post[T any](ctx context.Context, c *Client, path string, in any) (T, error) {
	var out T
	err := c.Do(ctx, http.MethodPost, path, in, &out)
	return out, err
}

func del[T any](ctx context.Context, c *Client, path string) (T, error) {
	var out T
	err := c.Do(ctx, http.MethodDelete, path, nil, &out)
	return out, err
}

func seg(s string) string { return url.PathEscape(s) }

// all walks the pages of a list.
func all[T any](ctx context.Context, c *Client, path string) ([]T, error) {
	var items []T
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	for next := ""; ; {
		page, err := get[Page[T]](ctx, c, path+sep+"after="+url.QueryEscape(next)+"&limit=500")
		if err != nil {
			return nil, err
		}
		items = append(items, page.Items...)
		if next = page.Next; next == "" {
			return items, nil
		}
	}
}
