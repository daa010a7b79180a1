// Package preview opens the files of projects as web sites, each project's at an origin of
// its own, so that what a project's pages do they can do there only.
//
// A link is signed, lasts some minutes, and is exchanged at that origin for a cookie of it
// that lasts an hour and is good for one project, one ref and one viewer. Neither is worth
// anything to the API, which takes no cookies at all. What may be read is asked anew at
// each request, with the rights that the viewer has then.
package preview

import (
	"context"
	"net"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/consolekey"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/identity"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/workspace"
)

const (
	// linkLifetime is how long a link can be opened, and lifetime how long what it opens
	// lasts, both from when the link was made.
	linkLifetime = 10 * time.Minute
	lifetime     = time.Hour
	// Token is the parameter of a link's address that has the token.
	Token = "zeblit_token"
	// DefaultDomain is below what browsers take for this machine, without any DNS.
	DefaultDomain = "preview.localhost"
	maxPath       = 1024 // bytes
)

// roots are the folders that a build writes, in the order in which they are looked for.
var roots = []string{"dist", "build", "public"}

// Options are the parts that a Service works with.
type Options struct {
	DB       *store.DB
	Files    *workspace.Workspace
	Identity *identity.Service
	// NewKey makes a project's key for its console, for an editor.
	NewKey func(ctx context.Context, projectID string) (*ent.ConsoleKey, error)
	// PublicURL is where people reach the server. Previews have its scheme and port.
	PublicURL func() string
	// Domain is below which each preview has a host. "": DefaultDomain, where PublicURL
	// is of this machine; elsewhere there are no previews.
	Domain string
}

// Service makes links, and opens them.
type Service struct{ Options }

// New makes a Service.
func New(o Options) *Service { return &Service{o} }

// LinkInput is what to open.
type LinkInput struct {
	ProjectID string
	Ref       string  // a branch or a commit; "" is main
	Path      string  // where to begin, as "/about.html?x=1"; "" is "/"
	Root      *string // the folder to serve; nil: the first of dist, build and public that has an index.html, else all
	Console   bool    // whether pages report their consoles
	Fallback  bool    // whether index.html stands for what is missing
}

// Link is an address to open, and when what it opens ends.
type Link struct {
	URL       string
	ExpiresAt time.Time
}

// Link makes a link for the viewer, who must be a member of the project.
func (s *Service) Link(ctx context.Context, in LinkInput) (*Link, error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, err
	}
	root, base, err := s.Start(ctx, in)
	if err != nil {
		return nil, err
	}
	target, err := url.Parse("/" + strings.TrimPrefix(in.Path, "/"))
	if err != nil || target.Host != "" || target.Scheme != "" || len(in.Path) > maxPath {
		return nil, problem.BadField("path", "path is one of the preview's, as /about.html")
	}
	if in.Console {
		if err := s.needKey(ctx, in.ProjectID); err != nil {
			return nil, err
		}
	}
	now := store.Now()
	expires := now.Add(lifetime).Truncate(time.Second)
	token, err := s.Identity.SignPreview(ctx, identity.PreviewLink, identity.PreviewGrant{
		ProjectID: in.ProjectID, Ref: in.Ref, Root: root, Console: in.Console, Fallback: in.Fallback,
		UserID: viewer.UserID, SessionID: viewer.SessionID, KeyID: viewer.KeyID, Until: expires.Unix(),
	}, now.Add(linkLifetime))
	if err != nil {
		return nil, err
	}
	query := target.Query()
	query.Set(Token, token)
	base.Path, base.RawQuery, base.Fragment = target.Path, query.Encode(), target.Fragment
	return &Link{URL: base.String(), ExpiresAt: expires}, nil
}

// Start is what a link would open: the folder and the origin.
func (s *Service) Start(ctx context.Context, in LinkInput) (root string, origin *url.URL, err error) {
	if origin, err = s.base(in.ProjectID); err != nil {
		return "", nil, err
	}
	if _, err := access.StreamReader(ctx, s.DB.Ent, in.ProjectID); err != nil {
		return "", nil, err
	}
	root, err = s.root(ctx, in)
	return root, origin, err
}

// base is the origin of a project's preview.
func (s *Service) base(projectID string) (*url.URL, error) {
	if relay.IDPrefix(projectID) != "prj" {
		return nil, problem.Missing("projectId", "project")
	}
	public, err := url.Parse(s.PublicURL())
	if err != nil {
		return nil, err
	}
	if s.Domain == "" && !ofThisMachine(public.Hostname()) {
		return nil, problem.New(problem.PreconditionFailed,
			"this installation has no previews: point a wildcard of DNS at it, as *.preview.example.com, and set ZEBLIT_PREVIEW_DOMAIN to what stands behind the star")
	}
	host := strings.Replace(projectID, "_", "-", 1) + "." + s.domain()
	if port := public.Port(); port != "" {
		host = net.JoinHostPort(host, port)
	}
	return &url.URL{Scheme: public.Scheme, Host: host}, nil
}

func (s *Service) domain() string {
	if s.Domain != "" {
		return s.Domain
	}
	return DefaultDomain
}

func ofThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// ProjectAt is the project whose preview a request's Host names. isPreview says whether
// that is below the domain of previews at all, where nothing else may be served.
func (s *Service) ProjectAt(host string) (projectID string, isPreview bool) {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	label, found := strings.CutSuffix(host, s.domain())
	if !found || label != "" && !strings.HasSuffix(label, ".") {
		return "", false
	}
	id := strings.Replace(strings.TrimSuffix(label, "."), "-", "_", 1)
	if relay.IDPrefix(id) != "prj" {
		return "", true
	}
	return id, true
}

// root is the folder to serve.
func (s *Service) root(ctx context.Context, in LinkInput) (string, error) {
	if in.Root != nil {
		root := strings.Trim(*in.Root, "/")
		if root == "" || root == "." {
			return "", nil
		}
		if err := workspace.CheckPath(root); err != nil {
			return "", problem.BadField("root", "root is a folder of the project, as dist")
		}
		found, _, err := s.Files.Files(ctx, in.ProjectID, root, in.Ref, "", 1)
		if err == nil && len(found) == 0 {
			err = problem.Missing("root", "folder")
		}
		return root, err
	}
	for _, root := range roots {
		_, err := s.Files.Find(ctx, in.ProjectID, path.Join(root, "index.html"), in.Ref)
		if err == nil {
			return root, nil
		}
		if p := problem.As(err); p == nil || p.Field != "path" {
			return "", err
		}
	}
	return "", nil
}

// needKey makes sure that the project has a key for its console: an editor gets one made.
func (s *Service) needKey(ctx context.Context, projectID string) error {
	key, err := s.Key(ctx, projectID)
	if err != nil || key != "" {
		return err
	}
	err = access.RequireRole(ctx, s.DB.Ent, projectID, enum.ProjectEditor)
	if problem.Is(err, problem.Forbidden) {
		return problem.New(problem.PreconditionFailed, "the project has no key for its console: an editor must make it with rotateConsoleKey, or leave console out")
	}
	if err == nil {
		_, err = s.NewKey(ctx, projectID)
	}
	return err
}

// Key is the project's key for its console, as the viewer may read it; "" where there is
// none.
func (s *Service) Key(ctx context.Context, projectID string) (string, error) {
	k, err := s.DB.Ent.ConsoleKey.Query().Where(consolekey.ProjectID(projectID)).Only(ctx)
	if ent.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return k.Key, nil
}

// Exchange takes a link's token and returns what the cookie holds, and its end.
func (s *Service) Exchange(ctx context.Context, projectID, token string) (cookie string, expires time.Time, err error) {
	g, err := s.read(ctx, identity.PreviewLink, projectID, token)
	if err != nil {
		return "", time.Time{}, err
	}
	expires = time.Unix(g.Until, 0)
	cookie, err = s.Identity.SignPreview(ctx, identity.PreviewCookie, *g, expires)
	return cookie, expires, err
}

// Enter takes the cookie and returns what it opens, with the viewer in the context, whose
// credential still holds.
func (s *Service) Enter(ctx context.Context, projectID, cookie string) (context.Context, *identity.PreviewGrant, error) {
	g, err := s.read(ctx, identity.PreviewCookie, projectID, cookie)
	if err != nil {
		return ctx, nil, err
	}
	return access.WithViewer(ctx, g.Viewer()), g, nil
}

func (s *Service) read(ctx context.Context, use identity.PreviewUse, projectID, token string) (*identity.PreviewGrant, error) {
	g, err := s.Identity.ReadPreview(ctx, use, token)
	if err != nil {
		return nil, err
	}
	if g.ProjectID != projectID {
		return nil, problem.New(problem.Unauthenticated, "this is for another project")
	}
	return g, s.Identity.Revalidate(access.WithViewer(ctx, g.Viewer()))
}
