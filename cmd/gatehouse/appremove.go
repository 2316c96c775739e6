package main

import "context"

type appRemoveCmd struct {
	remote
	App    string `arg:"" help:"Name or ID of the app."`
	Reason string `help:"Why; it stands in the receipt."`
}

// Run removes the app.
func (c appRemoveCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	r, err := api.RemoveApp(ctx, c.App, c.Reason)
	if err != nil {
		return err
	}
	return c.printReceipt(r)
}

type appReleaseNameCmd struct {
	remote
	App  string `arg:"" help:"Name or ID of the app."`
	Name string `arg:"" help:"The username or address, as the app was told it."`
}

// Run gives the name free.
func (c appReleaseNameCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	return api.ReleaseName(ctx, c.App, c.Name)
}

type appRevokeRegistrationCmd struct {
	remote
	App string `arg:"" help:"Name or ID of the app."`
}

// Run takes the registration access token away.
func (c appRevokeRegistrationCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	return api.RevokeRegistration(ctx, c.App)
}
