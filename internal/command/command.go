// Package command has what the bodies of all commands have in common.
package command

import "context"

// Options is what a command needs to run: flags, once they are resolved.
type Options interface {
	// Validate reports what of the command line cannot be, or contradicts itself.
	Validate() error
	// Run does what the command is for.
	Run(ctx context.Context) error
}

// Run runs a command with its options, or returns the error of resolving them, or that of validating them. runF replaces
// Run in tests; it is nil in production.
func Run[O Options](ctx context.Context, o O, err error, runF func(context.Context, O) error) error {
	if err != nil {
		return err
	}
	if err := o.Validate(); err != nil {
		return err
	}
	if runF != nil {
		return runF(ctx, o)
	}
	return o.Run(ctx)
}
