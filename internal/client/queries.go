package client

// The operations of this client, in one place so that a change of the schema is met here.
const (
	createProjectMutation = `mutation($input: CreateProjectInput!) {
  createProject(input: $input) { project { id name headCursor } }
}`
	projectQuery = `query($id: ID!) { project(id: $id) { id name headCursor } }`

	projectsQuery = `query($after: Cursor) {
  projects(first: 100, after: $after) { edges { node { id name headCursor } } pageInfo { hasNextPage endCursor } }
}`
	sendMessageMutation = `mutation($input: SendMessageInput!) {
  sendMessage(input: $input) { message { id } run { id } }
}`
	runQuery = `query($id: ID!) { run(id: $id) { id state error } }`

	fileQuery = `query($project: ID!, $path: String!) { project(id: $project) { file(path: $path) { path size } } }`

	eventsSubscription = `subscription($project: ID!, $after: Cursor) {
  projectEvents(projectId: $project, after: $after) {
    __typename cursor seq
    ... on MessageDelta { messageId runId text }
    ... on MessageCompleted { message { id role status } }
    ... on RunStateChanged { run { id error } state }
    ... on ToolCallStarted { toolCall { id name input state } }
    ... on ToolCallFinished { toolCall { id name input output state } }
    ... on FileChanged { path change }
    ... on StreamReset { reason }
  }
}`
)
