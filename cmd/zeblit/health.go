package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// healthTimeout bounds the whole check.
const healthTimeout = 4 * time.Second

// healthCommand is for container engines: an image without a shell has no curl.
type healthCommand struct {
	Addr string `name:"addr" env:"ZEBLIT_ADDR" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where the server listens."`
}

func (h *healthCommand) Run(ctx context.Context, c console) error {
	host, port, err := net.SplitHostPort(h.Addr)
	if err != nil {
		return &codeError{exitUsage, fmt.Errorf("--addr (ZEBLIT_ADDR) must be host:port: %w", err)}
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/health/ready", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("no server answers: %w", err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New("the server isn't ready: " + resp.Status)
	}
	_, _ = fmt.Fprintln(c.out, "ready")
	return nil
}
